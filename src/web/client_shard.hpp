// SPDX-License-Identifier: Apache-2.0
/// A client's part on one shard: the connections it keeps and the exchanges that are under way.
/// Owned by ClientHandler; exchanges borrow it. Threads: its shard, but where marked.
#pragma once

#include <atomic>
#include <boost/asio/steady_timer.hpp>
#include <boost/intrusive/list.hpp>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "async/shard.hpp"
#include "web/buffer.hpp"
#include "web/client.hpp"
#include "web/client_connection.hpp"

namespace weft::web {

class ClientExchange;

using ExchangeHook = boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;

class ClientShard : public std::enable_shared_from_this<ClientShard> {
 public:
  using ConnectionPtr = std::shared_ptr<ClientConnection>;

  ClientShard(async::Shard& shard, const ClientConfig& config, TlsContext tls);
  ~ClientShard();
  ClientShard(const ClientShard&) = delete;
  ClientShard& operator=(const ClientShard&) = delete;

  /// A kept connection that is still good, or null.
  [[nodiscard]] ConnectionPtr take(const std::string& key);
  /// A new one that was not opened yet; null if the authority has as many as it may.
  [[nodiscard]] ConnectionPtr make(const std::string& key, const ClientTarget& target);
  /// Back from an exchange, to be kept for the next.
  void keep(const std::string& key, ConnectionPtr connection);
  /// The same for one that cannot be used again.
  void drop(const std::string& key, const ConnectionPtr& connection);

  void begin(ClientExchange& exchange);
  void end(ClientExchange& exchange);
  /// Ends every exchange and forgets the connections.
  void cancel_all();

  [[nodiscard]] async::Shard& shard() noexcept { return shard_; }
  [[nodiscard]] const ClientConfig& config() const noexcept { return config_; }
  [[nodiscard]] BufferPool& buffers() noexcept { return buffers_; }
  [[nodiscard]] bool is_closing() const noexcept { return closing_.load(std::memory_order_relaxed); }

  // Any thread.
  void refuse_new() noexcept { closing_.store(true, std::memory_order_relaxed); }
  [[nodiscard]] std::size_t running() const noexcept { return running_.load(std::memory_order_acquire); }

 private:
  struct Authority {
    std::vector<ConnectionPtr> idle;  ///< the last one kept is the first one used
    std::size_t connections = 0;      ///< kept and in use
  };
  using Authorities = std::map<std::string, Authority, std::less<>>;

  void forget(Authorities::iterator authority);
  void watch();
  void expire();

  async::Shard& shard_;
  ClientConfig config_;
  TlsContext tls_;
  BufferPool buffers_;
  Authorities authorities_;
  boost::intrusive::list<ClientExchange, boost::intrusive::base_hook<ExchangeHook>,
                         boost::intrusive::constant_time_size<false>>
      exchanges_;
  boost::asio::steady_timer timer_;
  bool watching_ = false;
  std::atomic<bool> closing_{false};
  std::atomic<std::size_t> running_{0};
};

}  // namespace weft::web
