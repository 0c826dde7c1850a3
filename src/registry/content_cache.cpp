// SPDX-License-Identifier: Apache-2.0
#include "registry/content_cache.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <ctime>
#include <filesystem>
#include <mutex>
#include <vector>

#include "registry/oci_manifest.hpp"
#include "wire/sha256.hpp"

namespace weft::registry {
namespace {

namespace fs = std::filesystem;
constexpr std::string_view kDigestPrefix = "sha256:";
constexpr std::uint64_t kMaxNoteBytes = std::uint64_t{64} * 1024;
constexpr std::size_t kHashLength = 64;
constexpr std::chrono::hours kLongestDownload{24};
constexpr std::chrono::milliseconds kLockPause{50};
constexpr std::size_t kMaxNotes = 10'000;

Result<void> make_own_folder(const std::string& path) {
  std::error_code failed;
  const auto parent = fs::path(path).parent_path();
  if (!parent.empty()) fs::create_directories(parent, failed);
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return file_error("make the folder", path, errno);
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) return file_error("look at", path, errno);
  if (S_ISDIR(status.st_mode) && status.st_uid == ::geteuid() && (status.st_mode & 022U) == 0) return {};
  return Error(Errc::permission_denied, fmt::format("'{}' is no folder that only its owner may write to", path),
               "name another folder for the cache of images", Blame::operator_);
}

bool has_link(int descriptor) {
  struct stat status{};
  return ::fstat(descriptor, &status) == 0 && status.st_nlink > 0;
}

/// Unless it is in use. Between finding a file and locking it others may have removed it: whoever locks looks again.
bool remove_unless_used(const std::string& path) {
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  return file && ::flock(file.get(), LOCK_EX | LOCK_NB) == 0 && ::unlink(path.c_str()) == 0;
}

struct Stored {
  std::string path;
  std::uint64_t size = 0;
  std::int64_t used_ns = 0;
  bool is_content = false;
};

std::int64_t nanoseconds(const timespec& time) { return time.tv_sec * 1'000'000'000LL + time.tv_nsec; }

std::vector<Stored> files_in(const std::string& folder) {
  std::vector<Stored> files;
  std::error_code failed;
  for (fs::directory_iterator at(folder, failed), end; !failed && at != end; at.increment(failed)) {
    struct stat status{};
    const auto path = at->path().string();
    if (::lstat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) continue;
    files.push_back({.path = path,
                     .size = static_cast<std::uint64_t>(status.st_size),
                     .used_ns = nanoseconds(status.st_mtim),
                     .is_content = at->path().filename().string().size() == kHashLength});
  }
  return files;
}

void sweep(const std::string& folder) {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  const auto oldest = nanoseconds(now) - std::chrono::nanoseconds(kLongestDownload).count();
  for (const auto& file : files_in(folder + "/content")) {
    if (!file.is_content && file.used_ns < oldest) ::unlink(file.path.c_str());
  }
  auto notes = files_in(folder + "/notes");
  if (notes.size() <= kMaxNotes) return;
  std::ranges::sort(notes, {}, &Stored::used_ns);
  for (std::size_t i = 0; i < notes.size() - kMaxNotes; ++i) ::unlink(notes[i].path.c_str());
}

bool is_plain_name(std::string_view name) {
  const auto is_plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  };
  return !name.empty() && name.size() <= 200 && std::ranges::all_of(name, is_plain);
}

}  // namespace

Result<ContentCache> ContentCache::open(std::string folder, std::uint64_t max_bytes) {
  for (const auto* part : {"", "/content", "/notes", "/lock"}) WEFT_CHECK(make_own_folder(folder + part));
  sweep(folder);
  return ContentCache(std::move(folder), max_bytes);
}

std::string ContentCache::path_of(std::string_view digest) const {
  return fmt::format("{}/content/{}", folder_, digest.substr(kDigestPrefix.size()));
}

Result<std::optional<Content>> ContentCache::find(const std::string& digest) {
  if (!is_sha256_digest(digest)) return std::optional<Content>();
  const auto path = path_of(digest);
  for (;;) {
    auto file = open_regular_file(path, UINT64_MAX);
    if (!file && file.error().code() == Errc::not_found) return std::optional<Content>();
    if (!file) return std::move(file).error();
    if (::flock(file->descriptor.get(), LOCK_SH) != 0) return file_error("lock", path, errno);
    if (!has_link(file->descriptor.get())) continue;  // removed before it was locked
    WEFT_TRY(const auto hash, digest_of(file->descriptor.get(), path));
    if (hash != digest) {
      ::unlink(path.c_str());
      return std::optional<Content>();
    }
    // Not the time of reading, which many file systems do not keep.
    static_cast<void>(::futimens(file->descriptor.get(), nullptr));
    return std::optional<Content>(std::in_place, path, digest, file->size, std::move(file->descriptor));
  }
}

Result<NewFile> ContentCache::begin() { return NewFile::create(folder_ + "/content/new"); }

Result<Content> ContentCache::keep(NewFile file, const std::string& digest, mode_t mode) {
  // What is there stays: it may be in use, and its lock would not be that of a file which takes its place.
  WEFT_TRY(auto there, find(digest));
  if (there) return *std::move(there);
  WEFT_CHECK(file.commit_as(path_of(digest), mode));
  WEFT_TRY(auto content, find(digest));
  if (!content) {
    return Error(Errc::io, fmt::format("'{}' is not what was written to it", path_of(digest)), "check the disk",
                 Blame::environment);
  }
  make_room();
  return *std::move(content);
}

std::optional<std::string> ContentCache::find_note(std::string_view name) const {
  if (!is_plain_name(name)) return std::nullopt;
  auto text = read_file(fmt::format("{}/notes/{}", folder_, name), kMaxNoteBytes);
  return text ? std::optional(*std::move(text)) : std::nullopt;
}

Result<void> ContentCache::put_note(std::string_view name, std::string_view text) {
  if (!is_plain_name(name)) return Error(Errc::invalid_argument, fmt::format("'{}' is no name for a note", name));
  WEFT_TRY(auto file, NewFile::create(fmt::format("{}/notes/{}", folder_, name)));
  WEFT_CHECK(file.write(text));
  return file.commit(0600);
}

Result<FileDescriptor> ContentCache::lock(std::string_view name, const std::stop_token& stop) {
  // A lock's file can never be removed safely, so there is a fixed number of them, and some names share one.
  const auto path = fmt::format("{}/lock/{:02x}", folder_, wire::sha256(name).front());
  std::mutex mutex;
  std::condition_variable_any never;
  FileDescriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!file) return file_error("open", path, errno);
  for (;;) {
    if (::flock(file.get(), LOCK_EX | LOCK_NB) == 0) return file;
    if (errno != EWOULDBLOCK && errno != EINTR) return file_error("lock", path, errno);
    std::unique_lock held(mutex);
    never.wait_for(held, stop, kLockPause, [] { return false; });
    if (stop.stop_requested()) return Error(Errc::cancelled, "the host stops");
  }
}

std::uint64_t ContentCache::used() const {
  std::uint64_t sum = 0;
  for (const auto& file : files_in(folder_ + "/content")) sum += file.size;
  return sum;
}

void ContentCache::make_room() const {
  auto files = files_in(folder_ + "/content");
  std::uint64_t sum = 0;
  for (const auto& file : files) sum += file.size;
  std::erase_if(files, [](const Stored& file) { return !file.is_content; });
  std::ranges::sort(files, {}, &Stored::used_ns);
  for (const auto& file : files) {
    if (sum <= max_bytes_) return;
    if (remove_unless_used(file.path)) sum -= file.size;
  }
}

}  // namespace weft::registry
