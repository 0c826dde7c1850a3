// SPDX-License-Identifier: Apache-2.0
/// Objects as files: a container is a folder of the root, an object a file below it. Names come from guests, and no
/// name leads out of the root: each part is opened by itself, from the folder that was opened before it, and a link is
/// never followed, wherever it points and whoever puts it there meanwhile.
///
/// An object appears whole or not at all: it is written beside its place, without a name or under one that no object
/// can have, and moved there. Limits: a container's name is one part, an object's at most kMaxParts; a part is at most
/// 255 bytes, and begins with no ".weft-". Threads: any. Errors: open() -> io, permission_denied.
#pragma once

#include <memory>
#include <string>

#include "base/unique_fd.hpp"
#include "builtins/blobstore/store.hpp"

namespace weft::builtins::blobstore_fs {

inline constexpr std::size_t kMaxParts = 32;

class FolderStore final : public blobstore::Store {
 public:
  /// Makes the folder if it is not there. The path is the operator's: links in it are followed.
  static Result<std::unique_ptr<FolderStore>> open(const std::string& root);

  blobstore::Outcome<void> create_container(const std::string& name) override;
  blobstore::Outcome<bool> container_exists(const std::string& name) override;
  blobstore::Outcome<void> delete_container(const std::string& name) override;
  blobstore::Outcome<void> clear_container(const std::string& name) override;
  blobstore::Outcome<blobstore::ContainerMetadata> container_info(const std::string& name) override;
  blobstore::Outcome<std::unique_ptr<blobstore::NameReader>> list(const std::string& container) override;
  blobstore::Outcome<bool> has_object(const blobstore::ObjectId& id) override;
  blobstore::Outcome<blobstore::ObjectMetadata> object_info(const blobstore::ObjectId& id) override;
  blobstore::Outcome<void> delete_object(const blobstore::ObjectId& id) override;
  blobstore::Outcome<void> move_object(const blobstore::ObjectId& from, const blobstore::ObjectId& to) override;
  blobstore::Outcome<std::unique_ptr<blobstore::ObjectReader>> read_object(const blobstore::ObjectId& id,
                                                                           std::uint64_t start,
                                                                           std::uint64_t end) override;
  blobstore::Outcome<std::unique_ptr<blobstore::ObjectWriter>> write_object(const blobstore::ObjectId& id) override;

 private:
  explicit FolderStore(base::UniqueFd root) : root_(std::move(root)) {}

  base::UniqueFd root_;
};

}  // namespace weft::builtins::blobstore_fs
