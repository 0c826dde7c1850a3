// SPDX-License-Identifier: Apache-2.0
#include "builtins/blobstore-fs/beneath.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "builtins/blobstore-fs/folder_store.hpp"

namespace weft::builtins::blobstore_fs {
namespace {

using blobstore::Outcome;

constexpr std::size_t kMaxPartBytes = 255;
constexpr mode_t kFolderMode = 0700;
constexpr int kFolderFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

bool is_dot(const char* name) noexcept { return std::string_view(name) == "." || std::string_view(name) == ".."; }

}  // namespace

std::unexpected<std::string> no_name(std::string_view name, std::string_view of) {
  errno = EINVAL;
  return std::unexpected(fmt::format("`{}` cannot be the name of {}", name, of));
}

std::unexpected<std::string> failed(std::string_view what, std::string_view name) {
  return std::unexpected(fmt::format("cannot {} `{}`: {}", what, name, std::generic_category().message(errno)));
}

bool is_part(std::string_view part) noexcept {
  return !part.empty() && part.size() <= kMaxPartBytes && part != "." && part != ".." && !part.starts_with(kHidden) &&
         !part.contains('/') && !part.contains('\0');
}

Outcome<base::UniqueFd> open_folder(int parent, const std::string& name) {
  if (!is_part(name)) return no_name(name, "a container");
  base::UniqueFd folder(::openat(parent, name.c_str(), kFolderFlags));
  if (!folder && errno == ENOENT) return std::unexpected(fmt::format("container `{}` does not exist", name));
  if (!folder) return failed("open container", name);
  return folder;
}

Outcome<Place> find_place(int container, const std::string& object, Missing missing) {
  base::UniqueFd folder(::fcntl(container, F_DUPFD_CLOEXEC, 0));
  if (!folder) return failed("open object", object);
  std::string_view rest = object;
  for (std::size_t parts = 1; parts <= kMaxParts; ++parts) {
    const auto slash = rest.find('/');
    std::string part(rest.substr(0, slash));
    if (!is_part(part)) break;
    if (slash == std::string_view::npos) return Place{.folder = std::move(folder), .name = std::move(part)};
    rest.remove_prefix(slash + 1);
    if (missing == Missing::make && ::mkdirat(folder.get(), part.c_str(), kFolderMode) != 0 && errno != EEXIST) {
      return failed("make a folder for", object);
    }
    base::UniqueFd next(::openat(folder.get(), part.c_str(), kFolderFlags));
    if (!next) return failed("open object", object);
    folder = std::move(next);
  }
  return no_name(object, "an object");
}

Dir open_dir(int folder) {
  const int own = ::openat(folder, ".", kFolderFlags);
  if (own < 0) return nullptr;
  Dir dir(::fdopendir(own));
  if (dir == nullptr) ::close(own);
  return dir;
}

Outcome<void> remove_contents(int folder, std::string_view name, int depth) {
  const auto dir = depth > 0 ? open_dir(folder) : nullptr;
  if (dir == nullptr) return failed("clear", name);
  while (true) {
    errno = 0;
    const dirent* const entry = ::readdir(dir.get());  // NOLINT(concurrency-mt-unsafe): a stream of our own
    if (entry == nullptr) break;
    if (is_dot(entry->d_name)) continue;
    if (::unlinkat(folder, entry->d_name, 0) == 0 || errno == ENOENT) continue;
    if (errno != EISDIR && errno != EPERM) return failed("clear", name);
    const base::UniqueFd below(::openat(folder, entry->d_name, kFolderFlags));
    if (!below) return failed("clear", name);
    if (auto cleared = remove_contents(below.get(), name, depth - 1); !cleared) return cleared;
    if (::unlinkat(folder, entry->d_name, AT_REMOVEDIR) != 0 && errno != ENOENT) return failed("clear", name);
  }
  return errno == 0 ? Outcome<void>() : failed("clear", name);
}

std::uint64_t created_at(int folder, const std::string& name) {
  struct statx facts{};
  if (::statx(folder, name.c_str(), AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH, STATX_BTIME, &facts) != 0 ||
      (facts.stx_mask & STATX_BTIME) == 0 || facts.stx_btime.tv_sec < 0) {
    return 0;
  }
  return static_cast<std::uint64_t>(facts.stx_btime.tv_sec);
}

}  // namespace weft::builtins::blobstore_fs
