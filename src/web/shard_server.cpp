// SPDX-License-Identifier: Apache-2.0
#include "web/shard_server.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <boost/asio/error.hpp>
#include <memory>
#include <new>
#include <utility>

#include "web/listen_address.hpp"
#include "web/session_http1.hpp"

namespace weft::web {
namespace {

constexpr std::chrono::milliseconds kLingerTime{2'000};
constexpr std::chrono::milliseconds kBlindTime{500};

}  // namespace

ShardServer::ShardServer(async::Shard& shard, ServerState& state, TcpAcceptor acceptor)
    : shard_(shard),
      state_(state),
      acceptor_(std::move(acceptor)),
      ticker_(shard.io().get_executor()),
      grace_(shard.io().get_executor()),
      seed_(state.seed ^ (0x9e3779b97f4a7c15U * (shard.index() + 1))) {
  const auto set = [this](TimerKind kind, std::chrono::milliseconds duration) {
    queues_[static_cast<std::size_t>(kind)].set_duration(duration);
  };
  set(TimerKind::idle, state.limits.idle_timeout);
  set(TimerKind::header, state.limits.header_timeout);
  set(TimerKind::read, state.limits.io_timeout);
  set(TimerKind::write, state.limits.io_timeout);
  set(TimerKind::request, state.limits.request_timeout);
  set(TimerKind::linger, kLingerTime);
  set(TimerKind::blind, kBlindTime);
}

ShardServer::~ShardServer() {
  // Sessions are left only if the shard stopped first; nothing of theirs will run any more.
  sessions_.clear_and_dispose([](Session* session) { delete session; });
}

void ShardServer::start() { accept(); }

void ShardServer::accept() {
  if (closing_ || accepting_) return;
  paused_ = false;
  accepted_for_ = &least_loaded();
  accepted_.emplace(accepted_for_->shard_.io().get_executor());
  accepting_ = true;
  acceptor_.async_accept(*accepted_, accepted_from_,
                         [this](const boost::system::error_code& error) { on_accept(error); });
}

void ShardServer::on_accept(const boost::system::error_code& error) {
  accepting_ = false;
  if (closing_) {
    accepted_.reset();
    if (stopped_) std::exchange(stopped_, std::nullopt)->set_value();
    return check_closed();
  }
  if (!error) {
    auto& target = *accepted_for_;
    const auto connections = state_.connections.fetch_add(1, std::memory_order_relaxed);
    if (connections >= state_.limits.max_connections && !drop_oldest_idle()) {
      state_.connections.fetch_sub(1, std::memory_order_relaxed);
      turn_away(*accepted_);
    } else {
      target.load_.fetch_add(1, std::memory_order_relaxed);
      if (&target == this) {
        adopt(std::move(*accepted_), accepted_from_);
      } else {
        target.shard_.post([&target, socket = std::move(*accepted_), remote = accepted_from_]() mutable noexcept {
          target.adopt(std::move(socket), remote);
        });
      }
    }
    accepted_.reset();
    return accept();
  }
  accepted_.reset();
  if (error == boost::asio::error::connection_aborted) return accept();
  // Out of descriptors or memory, most likely: trying again at once would spin.
  drop_oldest_idle();
  paused_ = true;
  start_ticking();
}

void ShardServer::adopt(TcpSocket socket, const boost::asio::ip::tcp::endpoint& remote) noexcept {
  const int on = 1;
  ::setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  seed_ += 0x1'0000'0000;  // leaves each connection 2^32 ids of its own
  std::unique_ptr<SessionHttp1> session;
  try {
    auto stream = std::make_unique<TcpStream>(std::move(socket));
    auto& tcp = *stream;
    session = std::make_unique<SessionHttp1>(*this, std::move(stream), to_text(remote), seed_);
    tcp.set_owner(*session);
  } catch (const std::bad_alloc&) {
    forget_connection();
    return;
  }
  sessions_.push_back(*session);
  start_ticking();
  session.release()->start();
}

void ShardServer::forget_connection() noexcept {
  state_.connections.fetch_sub(1, std::memory_order_relaxed);
  load_.fetch_sub(1, std::memory_order_relaxed);
}

void ShardServer::remove(Session& session) {
  sessions_.erase(sessions_.iterator_to(session));
  delete &session;
  forget_connection();
  check_closed();
}

bool ShardServer::begin_request() noexcept {
  if (state_.in_flight.fetch_add(1, std::memory_order_relaxed) < state_.limits.max_requests_in_flight) return true;
  state_.in_flight.fetch_sub(1, std::memory_order_relaxed);
  return false;
}

ShardServer& ShardServer::least_loaded() noexcept {
  auto* least = this;
  for (const auto& other : state_.shards) {
    if (other->load() < least->load()) least = other.get();
  }
  return *least;
}

bool ShardServer::drop_oldest_idle() {
  auto* oldest = queues_[static_cast<std::size_t>(TimerKind::idle)].oldest();
  if (oldest == nullptr) return false;
  oldest->abort();
  return true;
}

void ShardServer::turn_away(TcpSocket& socket) noexcept {
  static constexpr std::string_view answer =
      "HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
  [[maybe_unused]] const auto sent =
      ::send(socket.native_handle(), answer.data(), answer.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  boost::system::error_code ignored;
  socket.shutdown(TcpSocket::shutdown_send, ignored);
  socket.close(ignored);
}

void ShardServer::start_ticking() {
  if (ticking_ || (closing_ && sessions_.empty())) return;
  ticking_ = true;
  ticker_.expires_after(kTick);
  ticker_.async_wait([this](const boost::system::error_code&) {
    ticking_ = false;
    tick();
  });
}

void ShardServer::tick() {
  const auto now = coarse_now();
  for (std::size_t kind = 0; kind < kTimerKinds; ++kind) {
    while (auto* session = queues_[kind].take_due(now)) session->on_timer(static_cast<TimerKind>(kind));
  }
  if (paused_) accept();
  if (!sessions_.empty() || paused_) start_ticking();
  check_closed();
}

void ShardServer::stop_accepting(std::promise<void> done) {
  closing_ = true;
  boost::system::error_code ignored;
  acceptor_.close(ignored);
  if (accepting_) {
    stopped_ = std::move(done);
  } else {
    done.set_value();
  }
}

void ShardServer::drain(std::chrono::milliseconds grace, std::promise<void> done) {
  drained_ = std::move(done);
  // A session that is drained or aborted deletes no other, so the next one is safe to hold.
  for (auto at = sessions_.begin(); at != sessions_.end();) (at++)->drain();
  if (!sessions_.empty()) {
    waiting_for_grace_ = true;
    grace_.expires_after(grace);
    grace_.async_wait([this](const boost::system::error_code&) {
      waiting_for_grace_ = false;
      for (auto at = sessions_.begin(); at != sessions_.end();) (at++)->abort();
      check_closed();
    });
  }
  check_closed();
}

void ShardServer::check_closed() {
  if (!drained_ || !sessions_.empty()) return;
  if (ticking_) ticker_.cancel();
  if (waiting_for_grace_) grace_.cancel();
  if (ticking_ || waiting_for_grace_ || accepting_) return;
  // Moved out first: this object may be gone as soon as the promise is kept.
  auto done = std::move(*drained_);
  drained_.reset();
  done.set_value();
}

}  // namespace weft::web
