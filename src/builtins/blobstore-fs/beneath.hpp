// SPDX-License-Identifier: Apache-2.0
/// Names from outside as files beneath an open folder, and nowhere else. Threads: any. Errors are sentences for a
/// guest.
#pragma once

#include <dirent.h>
#include <sys/stat.h>

#include <memory>
#include <string>
#include <string_view>

#include "base/unique_fd.hpp"
#include "builtins/blobstore/store.hpp"

namespace weft::builtins::blobstore_fs {

/// Files of uploads that are under way.
inline constexpr std::string_view kHidden = ".weft-";

/// What `what` failed of: "cannot read `name`: No such file or directory". Looks at errno.
std::unexpected<std::string> failed(std::string_view what, std::string_view name);

/// A name that leads nowhere; errno is EINVAL then.
std::unexpected<std::string> no_name(std::string_view name, std::string_view of);

/// May be one part of a path.
[[nodiscard]] bool is_part(std::string_view part) noexcept;

/// A folder of `parent`. Errors: it is not there, or is none.
blobstore::Outcome<base::UniqueFd> open_folder(int parent, const std::string& name);

/// An object's place: the folder that it is in and its name there.
struct Place {
  base::UniqueFd folder;
  std::string name;
};
enum class Missing : std::uint8_t { refuse, make };  ///< folders on the way
blobstore::Outcome<Place> find_place(int container, const std::string& object, Missing missing);

/// Removes everything in a folder, at most `depth` folders deep.
blobstore::Outcome<void> remove_contents(int folder, std::string_view name, int depth = 64);

struct CloseDir {
  void operator()(DIR* dir) const noexcept { ::closedir(dir); }
};
using Dir = std::unique_ptr<DIR, CloseDir>;
/// To read a folder that is open; null: errno says why.
Dir open_dir(int folder);

/// Seconds of Unix time; 0 where the file system does not know.
std::uint64_t created_at(int folder, const std::string& name);

}  // namespace weft::builtins::blobstore_fs
