// SPDX-License-Identifier: Apache-2.0
/// Files as the registry needs them: an owned descriptor, reading that cannot hang, and a file that is either there in
/// full or not at all.
/// Threads: plain values. Errors: not_found, permission_denied, resource_exhausted (disk full), io; messages name the
/// file.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <weft/result.hpp>

namespace weft::registry {

/// "cannot read '/x': No such file or directory".
Error file_error(std::string_view doing, std::string_view path, int number);

/// Owns one file descriptor.
class FileDescriptor {
 public:
  FileDescriptor() noexcept = default;
  explicit FileDescriptor(int number) noexcept : number_(number) {}
  ~FileDescriptor() { reset(); }
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  FileDescriptor(FileDescriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    if (this != &other) {
      reset();
      number_ = std::exchange(other.number_, -1);
    }
    return *this;
  }

  [[nodiscard]] int get() const noexcept { return number_; }
  explicit operator bool() const noexcept { return number_ >= 0; }
  void reset() noexcept;

 private:
  int number_ = -1;
};

/// A regular file that is open for reading.
struct OpenFile {
  FileDescriptor descriptor;
  std::uint64_t size = 0;
};
/// Also invalid_argument for what is no regular file (a pipe would be waited for without end), resource_exhausted for
/// what is longer than `max_bytes`.
Result<OpenFile> open_regular_file(const std::string& path, std::uint64_t max_bytes);
Result<std::string> read_file(const std::string& path, std::uint64_t max_bytes);
/// "sha256:..." of all of it.
Result<std::string> digest_of(int descriptor, const std::string& path);
/// The bytes from `at`; fewer only at the end.
Result<std::size_t> read_at(int descriptor, const std::string& path, std::uint64_t at, std::span<char> buffer);

/// How long a file has to be whole: what is made anew after a crash anyway does not wait for the disk.
enum class Lasting : std::uint8_t { after_crash, while_running };

/// A file that is made under another name in the same folder and put in place at once by commit(). Whoever opens the
/// destination sees the old file or the whole new one, and a program that runs from the old one goes on ("text file
/// busy" is what overwriting in place ends with, live-host C4). Without commit() nothing is left behind.
class NewFile {
 public:
  static Result<NewFile> create(std::string destination);
  NewFile(NewFile&& other) noexcept = default;
  NewFile& operator=(NewFile&& other) noexcept = delete;
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;
  ~NewFile();

  Result<void> write(std::string_view bytes);
  /// Forgets all but the first `size` bytes.
  Result<void> rewind(std::uint64_t size);
  /// "sha256:..." of what is in it.
  [[nodiscard]] Result<std::string> digest() const;
  Result<void> commit(mode_t mode, Lasting lasting = Lasting::after_crash);
  /// To another name on the same file system.
  Result<void> commit_as(const std::string& path, mode_t mode, Lasting lasting = Lasting::after_crash);

  [[nodiscard]] const std::string& destination() const noexcept { return destination_; }

 private:
  NewFile(std::string destination, std::string path, int number)
      : destination_(std::move(destination)), path_(std::move(path)), descriptor_(number) {}

  std::string destination_;
  std::string path_;  ///< empty: committed, or moved from
  FileDescriptor descriptor_;
};

}  // namespace weft::registry
