// SPDX-License-Identifier: Apache-2.0
#include "builtins/blobstore-fs/blobstore_fs.hpp"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "builtins/blobstore-fs/folder_store.hpp"
#include "builtins/blobstore/blobstore.hpp"

namespace weft::builtins::blobstore_fs {
namespace {

constexpr std::string_view kRoot = "root";

bool is_root(std::string_view key) {
  return std::ranges::equal(key, kRoot,
                            [](char a, char b) { return std::tolower(static_cast<unsigned char>(a)) == b; });
}

/// The folder of a link: as configured, or one of the caller's own among the temporary ones, as 1.9 has it.
Result<std::string> root_of(const BuiltinLink& link) {
  for (const auto& [key, value] : link.target_config) {
    if (is_root(key) && !value.empty()) return value;
  }
  if (link.source.empty() || link.source.contains('/') || link.source == "." || link.source == "..") {
    return Error(Errc::invalid_argument, "the id \"" + link.source + "\" names no folder",
                 "give the link a configuration with the key `root`", Blame::operator_);
  }
  std::error_code failed;
  const auto temporary = std::filesystem::temp_directory_path(failed);
  if (failed) {
    return Error(Errc::io, "there is no folder for temporary files: " + failed.message(),
                 "give the link a configuration with the key `root`", Blame::environment);
  }
  return (temporary / link.source).string();
}

class BlobstoreFs final : public blobstore::Blobstore {
 public:
  explicit BlobstoreFs(const BuiltinContext& context) : Blobstore(context) {}

 private:
  Result<std::shared_ptr<blobstore::Store>> open(const BuiltinLink& link) override {
    WEFT_TRY(const auto root, root_of(link));
    WEFT_TRY(auto store, FolderStore::open(root));
    return std::shared_ptr<blobstore::Store>(std::move(store));
  }
};

}  // namespace

BuiltinFactory factory() {
  return [](const BuiltinContext& context) -> Result<std::unique_ptr<Builtin>> {
    return std::make_unique<BlobstoreFs>(context);
  };
}

}  // namespace weft::builtins::blobstore_fs
