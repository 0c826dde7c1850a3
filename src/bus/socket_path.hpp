// SPDX-License-Identifier: Apache-2.0
/// The file of a Unix socket: found dead or alive, bound so that only its owner may connect, removed again.
/// Threads: any; listen_on() blocks for an instant. Errors: see SocketServer.
#pragma once

#include <sys/types.h>

#include <string>
#include <weft/result.hpp>

namespace weft::bus {

/// A listening descriptor, non-blocking, and what tells its file from one that replaced it.
struct ListeningSocket {
  int descriptor = -1;
  dev_t device = 0;
  ino_t inode = 0;
};

/// The caller owns the descriptor.
Result<ListeningSocket> listen_on(const std::string& path);
/// Unless another file is there by now. Before the descriptor is closed: until then its inode's number is not given to
/// another file.
void remove_socket_file(const std::string& path, const ListeningSocket& listening) noexcept;
/// A connected descriptor, non-blocking, which the caller owns. unavailable when nobody answers.
Result<int> connect_to(const std::string& path);

}  // namespace weft::bus
