// SPDX-License-Identifier: Apache-2.0
/// A client's connection to one server: name lookup, TCP, TLS, bytes, one deadline. It knows nothing of HTTP.
///
/// Ownership: shared between its user (an exchange, then the pool) and the operations under way, which end soon after
/// close(); the buffers are its own for that reason. The owner is borrowed, and told nothing after set_owner(nullptr)
/// or close(). Threads: its shard. Callbacks instead of coroutines, because this is the per-request path; the owner is
/// never called from inside a call into the connection. Errors: before on_open as a fault; after it reads and writes
/// end in ReadEnd or false.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "async/shard.hpp"
#include "web/buffer.hpp"
#include "web/http_fault.hpp"
#include "web/stream.hpp"
#include "web/tcp_stream.hpp"
#include "web/tls.hpp"

namespace weft::web {

/// Whom to connect to.
struct ClientTarget {
  bool tls = false;
  std::string host;  ///< a name, or an address without brackets
  std::uint16_t port = 0;

  [[nodiscard]] bool operator==(const ClientTarget&) const = default;
};
/// From a valid authority; the port is the scheme's where it is not given.
[[nodiscard]] ClientTarget make_client_target(std::string_view scheme, std::string_view authority);

class ConnectionOwner {
 public:
  virtual void on_open() = 0;
  virtual void on_open_failed(HttpFault fault, std::string_view reason) = 0;
  virtual void on_read(ReadEnd end, std::size_t bytes) = 0;
  virtual void on_written(bool sent) = 0;
  virtual void on_deadline() = 0;

 protected:
  ~ConnectionOwner() = default;
};

class ClientConnection : public std::enable_shared_from_this<ClientConnection> {
 public:
  using Clock = std::chrono::steady_clock;

  ClientConnection(async::Shard& shard, ClientTarget target, TlsContext tls);
  ~ClientConnection();
  ClientConnection(const ClientConnection&) = delete;
  ClientConnection& operator=(const ClientConnection&) = delete;

  [[nodiscard]] const ClientTarget& target() const noexcept { return target_; }
  void set_owner(ConnectionOwner* owner) noexcept { owner_ = owner; }

  /// on_open or on_open_failed follows, unless the deadline comes first.
  void open();
  /// Reads into buffer().room(), which must not be empty. At most one outstanding.
  void read();
  /// Writes all of it. At most one outstanding.
  void write(std::string bytes);
  [[nodiscard]] Buffer& buffer() noexcept { return buffer_; }
  /// Calls on_deadline once, not before `when`. Replaces the one before; max() is none.
  void set_deadline(Clock::time_point when);
  void close() noexcept;

  /// For an idle connection: nothing is outstanding, nothing has come that nobody asked for, the server is there.
  [[nodiscard]] bool is_usable() noexcept;
  Clock::time_point idle_since;

 private:
  class Tls;
  using ErrorCode = boost::system::error_code;

  void connect(std::size_t index);
  void handshake();
  void opened();
  void failed(HttpFault fault, std::string_view reason);
  void wait();

  // Declared before what runs on it: it must outlive the socket.
  std::shared_ptr<boost::asio::io_context> io_;
  ClientTarget target_;
  TlsContext context_;
  ConnectionOwner* owner_ = nullptr;
  boost::asio::ip::tcp::resolver resolver_;
  std::vector<boost::asio::ip::tcp::endpoint> endpoints_;
  TcpSocket socket_;
  std::unique_ptr<Tls> tls_;
  boost::asio::steady_timer timer_;
  Clock::time_point deadline_ = Clock::time_point::max();
  Clock::time_point timer_at_ = Clock::time_point::max();
  Buffer buffer_;
  std::string out_;
  bool open_ = false, closed_ = false, reading_ = false, writing_ = false;
};

}  // namespace weft::web
