// SPDX-License-Identifier: Apache-2.0
/// Lets other processes of the same user take part in this process's bus, through a Unix socket of mode 0600.
///
/// Each client's subscriptions and requests become this process's own on the bus. A client that stops reading is cut
/// off once `max_waiting_bytes` wait for it; one that speaks another protocol is told so and cut off.
/// A socket file that nobody answers on any more is replaced; one that somebody answers on is left alone. (Two that
/// start at the same instant may both find it dead; the lock on the data folder is what keeps them apart.)
///
/// Owned by the host; borrows the bus and the shard, which must outlive close(). Threads: its shard; listen() any.
/// Errors of listen(): unavailable (another process answers), invalid_argument (path too long), already_exists (the
/// path is no socket), permission_denied, io.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "async/shard.hpp"
#include "async/task.hpp"
#include "bus/bus.hpp"

namespace weft::bus {

struct SocketServerOptions {
  std::string path;
  std::size_t max_clients = 64;
  std::size_t max_waiting_bytes = std::size_t{64} << 20;
  std::size_t max_requests = 1024;         ///< of one client at a time
  std::size_t max_subscriptions = 10'000;  ///< of one client
  /// Requests to subjects that begin so are answered by `own` and never reach the bus: what only those may ask who can
  /// open the socket. An answer comes soon, whatever time the client gives it. Empty: there are none.
  std::string own_prefix = {};
  std::function<async::Task<Message>(Message request)> own = {};
};

class SocketServer {
 public:
  /// Blocks for an instant: looks whether somebody answers.
  static Result<std::unique_ptr<SocketServer>> listen(async::Shard& shard, Bus& bus, SocketServerOptions options);
  /// After close(), or once the shard is stopped.
  ~SocketServer();
  SocketServer(const SocketServer&) = delete;
  SocketServer& operator=(const SocketServer&) = delete;

  /// Gives the answers that are on their way half a second, then cuts all clients off and removes the socket file.
  async::Task<void> close();
  [[nodiscard]] std::size_t clients() const noexcept;

 private:
  struct State;
  class Client;
  explicit SocketServer(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;
};

}  // namespace weft::bus
