// SPDX-License-Identifier: Apache-2.0
#include "web/client_shard.hpp"

#include <algorithm>
#include <utility>

#include "web/client_exchange.hpp"

namespace weft::web {
namespace {

using Clock = ClientConnection::Clock;

/// How late an idle connection may be closed.
constexpr std::chrono::seconds kIdleGrain{5};

}  // namespace

ClientShard::ClientShard(async::Shard& shard, const ClientConfig& config, TlsContext tls)
    : shard_(shard), config_(config), tls_(std::move(tls)), timer_(shard.io()) {}

ClientShard::~ClientShard() = default;

ClientShard::ConnectionPtr ClientShard::take(const std::string& key) {
  const auto found = authorities_.find(key);
  if (found == authorities_.end()) return nullptr;
  auto& authority = found->second;
  const auto oldest = Clock::now() - config_.idle_timeout;
  while (!authority.idle.empty()) {
    auto connection = std::move(authority.idle.back());
    authority.idle.pop_back();
    if (connection->idle_since > oldest && connection->is_usable()) return connection;
    connection->close();
    --authority.connections;
  }
  forget(found);
  return nullptr;
}

ClientShard::ConnectionPtr ClientShard::make(const std::string& key, const ClientTarget& target) {
  auto& authority = authorities_[key];
  if (authority.connections >= config_.max_connections_per_authority) return nullptr;
  ++authority.connections;
  return std::make_shared<ClientConnection>(shard_, target, tls_);
}

void ClientShard::keep(const std::string& key, ConnectionPtr connection) {
  auto& authority = authorities_[key];
  if (is_closing() || authority.idle.size() >= config_.max_idle_per_authority || !connection->is_usable())
    return drop(key, connection);
  connection->set_deadline(Clock::time_point::max());
  connection->idle_since = Clock::now();
  buffers_.give(std::exchange(connection->buffer(), {}));
  authority.idle.push_back(std::move(connection));
  watch();
}

void ClientShard::drop(const std::string& key, const ConnectionPtr& connection) {
  connection->close();
  const auto found = authorities_.find(key);
  if (found == authorities_.end()) return;
  --found->second.connections;
  forget(found);
}

void ClientShard::forget(Authorities::iterator authority) {
  if (authority->second.connections == 0) authorities_.erase(authority);
}

void ClientShard::watch() {
  if (std::exchange(watching_, true)) return;
  timer_.expires_after(std::min<std::chrono::milliseconds>(kIdleGrain, config_.idle_timeout));
  timer_.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
    const auto self = weak.lock();
    if (error || self == nullptr) return;
    self->watching_ = false;
    self->expire();
  });
}

void ClientShard::expire() {
  const auto oldest = Clock::now() - config_.idle_timeout;
  bool has_idle = false;
  for (auto next = authorities_.begin(); next != authorities_.end();) {
    const auto authority = next++;
    auto& idle = authority->second.idle;
    authority->second.connections -= std::erase_if(idle, [oldest](const ConnectionPtr& connection) {
      const bool over = connection->idle_since <= oldest || !connection->is_usable();
      if (over) connection->close();
      return over;
    });
    has_idle = has_idle || !idle.empty();
    forget(authority);
  }
  if (has_idle) watch();
}

void ClientShard::begin(ClientExchange& exchange) {
  exchanges_.push_back(exchange);
  running_.fetch_add(1, std::memory_order_relaxed);
}

void ClientShard::end(ClientExchange& exchange) {
  if (exchange.is_linked()) exchanges_.erase(exchanges_.iterator_to(exchange));
  running_.fetch_sub(1, std::memory_order_release);
}

void ClientShard::cancel_all() {
  // An exchange leaves the list when its owner destroys it, which may be later.
  while (!exchanges_.empty()) {
    auto& exchange = exchanges_.front();
    exchanges_.pop_front();
    exchange.cancel();
  }
  for (auto& [key, authority] : authorities_) {
    for (const auto& connection : authority.idle) connection->close();
    authority.connections -= authority.idle.size();
    authority.idle.clear();
  }
  std::erase_if(authorities_, [](const auto& entry) { return entry.second.connections == 0; });
  timer_.cancel();
}

}  // namespace weft::web
