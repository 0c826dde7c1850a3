// SPDX-License-Identifier: Apache-2.0
#include "cli/file.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <system_error>

namespace weft::cli {
namespace {

constexpr std::size_t kChunkBytes = 65'536;

Error file_error(std::string_view what, const std::string& path, int error) {
  const Errc code = error == ENOENT                     ? Errc::not_found
                    : error == EACCES || error == EPERM ? Errc::permission_denied
                                                        : Errc::io;
  return Error(code, fmt::format("'{}' could not be {}: {}.", path, what, std::generic_category().message(error)),
               code == Errc::not_found ? "Check the path." : "Check its permissions and the disk.", Blame::operator_);
}

struct Close {
  void operator()(std::FILE* file) const noexcept { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, Close>;

}  // namespace

Result<std::string> read_file(const std::string& path) {
  const File file(std::fopen(path.c_str(), "rbe"));
  if (!file) return file_error("read", path, errno);
  std::string bytes;
  std::array<char, kChunkBytes> chunk{};
  while (std::feof(file.get()) == 0) {
    bytes.append(chunk.data(), std::fread(chunk.data(), 1, chunk.size(), file.get()));
    if (std::ferror(file.get()) != 0) return file_error("read", path, errno);
  }
  return bytes;
}

Result<void> write_file(const std::string& path, std::string_view bytes) {
  const std::string partial = fmt::format("{}.{}.partial", path, ::getpid());
  File file(std::fopen(partial.c_str(), "wbe"));
  if (!file) return file_error("written", path, errno);
  const bool written = std::fwrite(bytes.data(), 1, bytes.size(), file.get()) == bytes.size();
  // Closing writes too, so its outcome counts.
  const bool closed = std::fclose(file.release()) == 0;
  if (!written || !closed || std::rename(partial.c_str(), path.c_str()) != 0) {
    const int error = errno;
    std::remove(partial.c_str());
    return file_error("written", path, error);
  }
  return {};
}

}  // namespace weft::cli
