// SPDX-License-Identifier: Apache-2.0
#include "host/data_folder.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <system_error>

namespace weft::host {

Result<DataFolder> DataFolder::open(const std::string& path) {
  namespace fs = std::filesystem;
  std::error_code failed;
  if (fs::create_directories(path, failed)) {
    fs::permissions(path, fs::perms::owner_all, failed);
  }
  if (failed) {
    return Error(failed == std::errc::permission_denied ? Errc::permission_denied : Errc::io,
                 fmt::format("cannot make the data folder {}: {}", path, failed.message()),
                 "name another with --data-dir", Blame::environment);
  }
  // The store's lock is the folder's.
  WEFT_TRY(auto state, bus::SqliteStore::open(path + "/state.db"));
  return DataFolder(path, std::move(state));
}

}  // namespace weft::host
