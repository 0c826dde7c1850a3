// SPDX-License-Identifier: Apache-2.0
/// For tests: a port of the loopback for something that cannot be told to take any. Threads: any.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>

namespace weft::testing_support {

/// A port that nobody listens on; 0 if there is none. Somebody could take it before the server does; nobody on a test
/// machine does.
inline std::uint16_t free_port() {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  const bool found = ::bind(socket, reinterpret_cast<sockaddr*>(&address), length) == 0 &&
                     ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &length) == 0;
  ::close(socket);
  return found ? ntohs(address.sin_port) : std::uint16_t{0};
}

}  // namespace weft::testing_support
