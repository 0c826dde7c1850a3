// SPDX-License-Identifier: Apache-2.0
/// A server's part on one shard: accepts connections, owns their sessions, runs their timers. Its acceptor is made to
/// survive anything: no failure of accept() ends it, and when descriptors run out it drops its oldest idle connection
/// and tries again with the next tick. A connection goes to the shard with the fewest, wherever it was accepted: the
/// kernel's hash alone leaves shards unevenly loaded. Ownership: by Server, which destroys it after the last of its
/// shards has reported that it is closed. Threads: its shard, but for what is marked.
#pragma once

#include <array>
#include <atomic>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/intrusive/list.hpp>
#include <chrono>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "async/shard.hpp"
#include "web/buffer.hpp"
#include "web/response_writer.hpp"
#include "web/server.hpp"
#include "web/session.hpp"
#include "web/tcp_stream.hpp"
#include "web/timer_queue.hpp"

namespace weft::web {

using TcpAcceptor = boost::asio::basic_socket_acceptor<boost::asio::ip::tcp, boost::asio::io_context::executor_type>;

class ShardServer;

/// What the shards of one server have in common. Unchanged after create() but for the counters.
// NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding): each counter has a cache line of its own
struct ServerState {
  Handler* handler = nullptr;
  ServerLimits limits;
  std::function<void(const AccessRecord&)> access_log;
  std::string address;
  std::uint64_t seed = 0;
  std::vector<std::unique_ptr<ShardServer>> shards;
  alignas(64) std::atomic<std::size_t> connections{0};
  alignas(64) std::atomic<std::size_t> in_flight{0};
};

// NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding): other shards read load_, so it has its own cache line
class ShardServer {
 public:
  ShardServer(async::Shard& shard, ServerState& state, TcpAcceptor acceptor);
  ShardServer(const ShardServer&) = delete;
  ShardServer& operator=(const ShardServer&) = delete;
  ~ShardServer();

  void start();
  /// Ends accepting. `done` is set when no more connections can come from here.
  void stop_accepting(std::promise<void> done);
  /// Closes idle connections, the others when they are answered or after `grace`. `done` is set when nothing is left.
  void drain(std::chrono::milliseconds grace, std::promise<void> done);

  // For sessions.
  void remove(Session& session);
  void arm(Timer& timer, TimerKind kind) noexcept { queues_[static_cast<std::size_t>(kind)].arm(timer); }
  [[nodiscard]] bool begin_request() noexcept;
  void end_request() noexcept { state_.in_flight.fetch_sub(1, std::memory_order_relaxed); }
  [[nodiscard]] async::Shard& shard() noexcept { return shard_; }
  [[nodiscard]] Handler& handler() noexcept { return *state_.handler; }
  [[nodiscard]] const ServerLimits& limits() const noexcept { return state_.limits; }
  [[nodiscard]] std::string_view address() const noexcept { return state_.address; }
  [[nodiscard]] BufferPool& buffers() noexcept { return buffers_; }
  [[nodiscard]] std::string_view date() noexcept { return date_.now(); }
  [[nodiscard]] bool logs_access() const noexcept { return static_cast<bool>(state_.access_log); }
  void log_access(const AccessRecord& record) { state_.access_log(record); }

  // Any thread.
  [[nodiscard]] std::size_t load() const noexcept { return load_.load(std::memory_order_relaxed); }

 private:
  void accept();
  void on_accept(const boost::system::error_code& error);
  void adopt(TcpSocket socket, const boost::asio::ip::tcp::endpoint& remote) noexcept;
  void forget_connection() noexcept;
  [[nodiscard]] ShardServer& least_loaded() noexcept;
  /// Makes room for a new connection by closing the one that has been idle longest. False if there is none.
  bool drop_oldest_idle();
  void turn_away(TcpSocket& socket) noexcept;
  void tick();
  void start_ticking();
  void check_closed();

  async::Shard& shard_;
  ServerState& state_;
  TcpAcceptor acceptor_;
  std::optional<TcpSocket> accepted_;
  boost::asio::ip::tcp::endpoint accepted_from_;
  ShardServer* accepted_for_ = nullptr;
  using SystemTimer =
      boost::asio::basic_waitable_timer<std::chrono::steady_clock, boost::asio::wait_traits<std::chrono::steady_clock>,
                                        boost::asio::io_context::executor_type>;
  SystemTimer ticker_;
  SystemTimer grace_;
  std::array<TimerQueue, kTimerKinds> queues_;
  BufferPool buffers_;  // sessions give their buffers back, so it outlives them
  DateCache date_;
  boost::intrusive::list<Session> sessions_;
  std::uint64_t seed_;
  std::optional<std::promise<void>> stopped_;
  std::optional<std::promise<void>> drained_;
  bool accepting_ = false, paused_ = false, ticking_ = false, waiting_for_grace_ = false, closing_ = false;
  alignas(64) std::atomic<std::size_t> load_{0};
};

}  // namespace weft::web
