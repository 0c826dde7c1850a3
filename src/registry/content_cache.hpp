// SPDX-License-Identifier: Apache-2.0
/// Files on disk by the SHA-256 of what is in them, and short notes of what names mean, shared by all hosts of a user.
///
/// A file is put in place whole, under the name of its hash, so nobody sees half of one and two who make the same do no
/// harm; its hash is checked again each time it is found, because disks and people change files. Who uses one holds a
/// lock on it (a Content), and who removes the least recently used passes over what is locked, in this process or any
/// other. With all of it in use the limit is exceeded, rather than refusing to start what is asked for.
///
/// Layout: `content/<hash>`, `notes/<name>`, `lock/<two digits>`; other names in `content` are downloads under way or
/// left over. Ownership: a Content keeps its file where it is for as long as it lives; hold it while a program runs
/// from it. Threads: any, any number of processes; everything blocks. Errors: permission_denied (a folder that others
/// may write), io, resource_exhausted (disk full), cancelled.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <weft/result.hpp>

#include "registry/file.hpp"

namespace weft::registry {

/// A file of the cache that stays while this lives.
class Content {
 public:
  Content(std::string path, std::string digest, std::uint64_t size, FileDescriptor lock)
      : path_(std::move(path)), digest_(std::move(digest)), size_(size), lock_(std::move(lock)) {}

  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  /// "sha256:..."
  [[nodiscard]] const std::string& digest() const noexcept { return digest_; }
  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }

 private:
  std::string path_;
  std::string digest_;
  std::uint64_t size_;
  FileDescriptor lock_;
};

class ContentCache {
 public:
  /// Makes the folder, for its owner alone, if it is not there.
  static Result<ContentCache> open(std::string folder, std::uint64_t max_bytes);

  /// Nothing when it is not there or is not what its name says, in which case it is removed. Marks it as used now.
  Result<std::optional<Content>> find(const std::string& digest);
  /// An empty file for what will be kept.
  Result<NewFile> begin();
  /// Puts `file`, whose bytes must have this digest, in its place, and makes room for it among the others.
  Result<Content> keep(NewFile file, const std::string& digest, mode_t mode);

  /// `name`: letters, digits, '-' and '_'.
  [[nodiscard]] std::optional<std::string> find_note(std::string_view name) const;
  Result<void> put_note(std::string_view name, std::string_view text);

  /// One at a time among all hosts may hold the lock of a name: whoever fetches something, so that the others find it.
  /// Never two at once: different names may share a lock.
  Result<FileDescriptor> lock(std::string_view name, const std::stop_token& stop);

  /// Of all content, in bytes.
  [[nodiscard]] std::uint64_t used() const;
  [[nodiscard]] const std::string& folder() const noexcept { return folder_; }

 private:
  ContentCache(std::string folder, std::uint64_t max_bytes) : folder_(std::move(folder)), max_bytes_(max_bytes) {}

  [[nodiscard]] std::string path_of(std::string_view digest) const;
  void make_room() const;

  std::string folder_;
  std::uint64_t max_bytes_;
};

}  // namespace weft::registry
