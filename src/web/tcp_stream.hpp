// SPDX-License-Identifier: Apache-2.0
/// A Stream over a TCP socket. Writes go straight to the socket; reads are Asio operations, which cost one system call
/// per request because Asio remembers that a short read emptied the socket. Owned by its session, which it reports to.
/// Threads: the connection's shard.
#pragma once

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "web/stream.hpp"

namespace weft::web {

/// Bound to the io_context's own executor type: the type-erased one costs on each operation.
using TcpSocket = boost::asio::basic_stream_socket<boost::asio::ip::tcp, boost::asio::io_context::executor_type>;

class TcpStream final : public Stream {
 public:
  explicit TcpStream(TcpSocket socket) : socket_(std::move(socket)) {}
  void set_owner(StreamOwner& owner) noexcept { owner_ = &owner; }

  void read(std::span<char> into) override;
  [[nodiscard]] WriteResult write(std::span<const iovec> pieces) noexcept override;
  void wait_writable() override;
  void shutdown_write() noexcept override;
  void close() noexcept override;
  void reset() noexcept override;
  [[nodiscard]] bool peer_left() noexcept override;

 private:
  TcpSocket socket_;
  StreamOwner* owner_ = nullptr;
};

}  // namespace weft::web
