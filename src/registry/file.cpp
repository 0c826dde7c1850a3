// SPDX-License-Identifier: Apache-2.0
#include "registry/file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <system_error>

#include "wire/sha256.hpp"

namespace weft::registry {
namespace {

Errc code_of(int number) noexcept {
  switch (number) {
    case ENOENT:
    case ENOTDIR:
      return Errc::not_found;
    case EACCES:
    case EPERM:
    case EROFS:
      return Errc::permission_denied;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
      return Errc::resource_exhausted;
    default:
      return Errc::io;
  }
}

}  // namespace

Error file_error(std::string_view doing, std::string_view path, int number) {
  return {code_of(number),
          fmt::format("cannot {} '{}': {}", doing, path, std::generic_category().message(number)),
          {},
          Blame::environment};
}

void FileDescriptor::reset() noexcept {
  if (number_ >= 0) ::close(std::exchange(number_, -1));
}

Result<OpenFile> open_regular_file(const std::string& path, std::uint64_t max_bytes) {
  OpenFile file;
  // O_NONBLOCK: opening a pipe does not wait for its other end. Regular files do not mind it.
  file.descriptor = FileDescriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.descriptor) return file_error("open", path, errno);
  struct stat status{};
  if (::fstat(file.descriptor.get(), &status) != 0) return file_error("look at", path, errno);
  if (!S_ISREG(status.st_mode)) {
    return Error(Errc::invalid_argument, fmt::format("'{}' is no regular file", path), {}, Blame::operator_);
  }
  file.size = static_cast<std::uint64_t>(status.st_size);
  if (file.size > max_bytes) {
    return Error(Errc::resource_exhausted,
                 fmt::format("'{}' has {} bytes, more than the {} that are allowed", path, file.size, max_bytes), {},
                 Blame::operator_);
  }
  return file;
}

Result<std::string> read_file(const std::string& path, std::uint64_t max_bytes) {
  WEFT_TRY(const auto file, open_regular_file(path, max_bytes));
  std::string bytes(file.size, '\0');
  WEFT_TRY(const auto count, read_at(file.descriptor.get(), path, 0, bytes));
  bytes.resize(count);
  return bytes;
}

Result<std::size_t> read_at(int descriptor, const std::string& path, std::uint64_t at, std::span<char> buffer) {
  std::size_t filled = 0;
  while (filled < buffer.size()) {
    const auto rest = buffer.subspan(filled);
    const auto count = ::pread(descriptor, rest.data(), rest.size(), static_cast<off_t>(at + filled));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return file_error("read", path, errno);
    if (count == 0) break;
    filled += static_cast<std::size_t>(count);
  }
  return filled;
}

Result<std::string> digest_of(int descriptor, const std::string& path) {
  std::array<char, std::size_t{64} * 1024> chunk{};
  wire::Sha256 hash;
  for (std::uint64_t at = 0;;) {
    WEFT_TRY(const auto count, read_at(descriptor, path, at, chunk));
    if (count == 0) break;
    hash.update({chunk.data(), count});
    at += count;
  }
  return "sha256:" + wire::lower_hex(hash.finish());
}

Result<NewFile> NewFile::create(std::string destination) {
  auto path = destination + ".XXXXXX";
  const int number = ::mkostemp(path.data(), O_CLOEXEC);
  if (number < 0) return file_error("make a file beside", destination, errno);
  return NewFile(std::move(destination), std::move(path), number);
}

NewFile::~NewFile() {
  if (descriptor_ && !path_.empty()) ::unlink(path_.c_str());
}

Result<void> NewFile::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto count = ::write(descriptor_.get(), bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return file_error("write", path_, errno);
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return {};
}

Result<void> NewFile::rewind(std::uint64_t size) {
  const auto length = static_cast<off_t>(size);
  if (::ftruncate(descriptor_.get(), length) != 0 || ::lseek(descriptor_.get(), length, SEEK_SET) != length) {
    return file_error("write", path_, errno);
  }
  return {};
}

Result<std::string> NewFile::digest() const { return digest_of(descriptor_.get(), path_); }

Result<void> NewFile::commit(mode_t mode, Lasting lasting) { return commit_as(destination_, mode, lasting); }

Result<void> NewFile::commit_as(const std::string& path, mode_t mode, Lasting lasting) {
  if (::fchmod(descriptor_.get(), mode) != 0) return file_error("set the mode of", path_, errno);
  // A machine that dies after the rename must not find an empty file under the final name.
  if (lasting == Lasting::after_crash && ::fsync(descriptor_.get()) != 0) return file_error("write", path_, errno);
  if (::rename(path_.c_str(), path.c_str()) != 0) return file_error("put in place", path, errno);
  path_.clear();
  descriptor_.reset();
  return {};
}

}  // namespace weft::registry
