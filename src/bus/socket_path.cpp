// SPDX-License-Identifier: Apache-2.0
#include "bus/socket_path.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace weft::bus {
namespace {

constexpr int kBacklog = 64;

Error system_error(const std::string& doing, const std::string& path, int number) {
  const Errc code = number == EACCES || number == EPERM || number == EROFS ? Errc::permission_denied : Errc::io;
  return {code, "cannot " + doing + " the socket '" + path + "': " + std::strerror(number), {}, Blame::environment};
}

/// Closes what nobody has taken.
class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) {
      ::close(number_);
    }
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int get() const { return number_; }
  [[nodiscard]] int release() {
    const int number = number_;
    number_ = -1;
    return number;
  }

 private:
  int number_;
};

Result<sockaddr_un> make_address(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path || path.contains('\0')) {
    return Error(Errc::invalid_argument,
                 "the path of the socket '" + path + "' must have 1 to " + std::to_string(sizeof address.sun_path - 1) +
                     " bytes",
                 "start with a shorter --data-dir", Blame::operator_);
  }
  path.copy(address.sun_path, path.size());
  return address;
}

int open_socket() { return ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0); }

int try_connect(int descriptor, const sockaddr_un& address) {
  return ::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ? 0 : errno;
}

/// Removes a socket nobody answers on; an error if somebody does, or if it is no socket.
Result<void> clear_way(const std::string& path, const sockaddr_un& address) {
  struct stat status{};
  if (::lstat(path.c_str(), &status) != 0) {
    return {};  // nothing there, or bind() will say what is wrong
  }
  if (!S_ISSOCK(status.st_mode)) {
    return Error(Errc::already_exists, "'" + path + "' exists and is no socket", "move it away", Blame::operator_);
  }
  const Descriptor probe(open_socket());
  if (probe.get() < 0) {
    return system_error("open", path, errno);
  }
  // EAGAIN: its queue of connections is full, so somebody has it.
  const int refused = try_connect(probe.get(), address);
  if (refused == 0 || refused == EAGAIN) {
    return Error(Errc::unavailable, "another weft answers on the socket '" + path + "'",
                 "stop it, or start with another --data-dir", Blame::operator_);
  }
  if (refused != ECONNREFUSED) {
    return system_error("look at", path, refused);
  }
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
    return system_error("replace", path, errno);
  }
  return {};
}

}  // namespace

Result<ListeningSocket> listen_on(const std::string& path) {
  WEFT_TRY(const auto address, make_address(path));
  WEFT_CHECK(clear_way(path, address));
  Descriptor descriptor(open_socket());
  // Before bind(), which gives the file the mode of the socket: there is no instant in which others may connect.
  if (descriptor.get() < 0 || ::fchmod(descriptor.get(), 0600) != 0) {
    return system_error("open", path, errno);
  }
  if (::bind(descriptor.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return system_error("create", path, errno);
  }
  struct stat status{};
  if (::listen(descriptor.get(), kBacklog) != 0 || ::lstat(path.c_str(), &status) != 0) {
    return system_error("listen on", path, errno);
  }
  return ListeningSocket{.descriptor = descriptor.release(), .device = status.st_dev, .inode = status.st_ino};
}

void remove_socket_file(const std::string& path, const ListeningSocket& listening) noexcept {
  struct stat status{};
  if (::lstat(path.c_str(), &status) == 0 && status.st_dev == listening.device && status.st_ino == listening.inode) {
    ::unlink(path.c_str());
  }
}

Result<int> connect_to(const std::string& path) {
  WEFT_TRY(const auto address, make_address(path));
  Descriptor descriptor(open_socket());
  if (descriptor.get() < 0) {
    return system_error("open", path, errno);
  }
  const int refused = try_connect(descriptor.get(), address);
  if (refused == ENOENT || refused == ECONNREFUSED || refused == EAGAIN) {
    return Error(Errc::unavailable, "no weft answers on the socket '" + path + "'", "start one", Blame::environment);
  }
  if (refused != 0) {
    return system_error("connect to", path, refused);
  }
  return descriptor.release();
}

}  // namespace weft::bus
