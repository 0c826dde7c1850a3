// SPDX-License-Identifier: Apache-2.0
/// One end of a Unix socket that carries frames. Plain callbacks and not tasks, because its owner may let go of it at
/// any moment without waiting: what is under way keeps it alive until the socket is closed.
///
/// Belongs to the shard it was made for. Threads: send() and close_soon() any; all else, and the callbacks, its shard.
/// Errors: on_closed is told why, once, unless close() was called before: unavailable (the peer has gone), malformed,
/// resource_exhausted (the peer does not read), io. Limits: what waits to be sent; past it the connection is cut.
#pragma once

#include <array>
#include <boost/asio/local/stream_protocol.hpp>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "async/shard.hpp"
#include "bus/socket_frame.hpp"

namespace weft::bus {

class SocketConnection : public std::enable_shared_from_this<SocketConnection> {
 public:
  using Socket = boost::asio::local::stream_protocol::socket;
  /// An error ends the connection.
  using FrameHandler = std::move_only_function<Result<void>(Frame frame)>;
  using ClosedHandler = std::move_only_function<void(Error why)>;

  SocketConnection(async::Shard& shard, Socket socket, std::size_t max_waiting_bytes);

  void start(FrameHandler on_frame, ClosedHandler on_closed);
  /// Forgets the handlers; what waits to be sent is given up.
  void close();
  /// Sends what waits first, as long as the peer reads, and then closes. Calls no handler any more.
  void close_when_sent();
  /// Nothing waits to be sent, or it is closed. On the shard.
  [[nodiscard]] bool is_idle();

  /// unavailable once it is closed; resource_exhausted when the frame is too large, or the peer does not read.
  Result<void> send(const Frame& frame);
  void close_soon();

 private:
  void read();
  Result<void> handle(std::string_view bytes);
  void write();
  void finish(Error why);

  async::Shard& shard_;
  Socket socket_;
  FrameHandler on_frame_;
  ClosedHandler on_closed_;
  FrameReader reader_;
  std::array<char, std::size_t{64} * 1024> buffer_;
  std::string writing_;
  bool closed_ = false;
  bool closing_ = false;

  // Of any thread.
  std::mutex mutex_;
  std::size_t max_waiting_bytes_;
  std::string waiting_;
  bool write_scheduled_ = false;
  bool ended_ = false;
};

}  // namespace weft::bus
