// SPDX-License-Identifier: Apache-2.0
/// An HTTP/1.1 client as a Handler: each Exchange it is asked to answer is sent to the server that its request names,
/// and the server's answer becomes the Exchange's. Bodies stream both ways at the pace of the slower side. Connections
/// are kept per shard, scheme and authority and used again; a request that finds its kept connection closed is sent
/// again on a fresh one if nothing of an answer had come and what was sent is still at hand. Redirects are not
/// followed, content is not decoded, cookies are not kept, proxies are not asked.
///
/// Ownership: whoever has it; it must outlive the exchanges it answers. Borrows the pool of shards, which must outlive
/// close(). Threads: create() and close() from a thread that is no shard, on_request() on any shard.
/// Errors: create() -> not_found, malformed (the file of certificates). An exchange fails with an HttpFault.
/// Limits: ClientConfig. Source: data-plane facts 5.3; RFC 9110, RFC 9112.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>
#include <weft/result.hpp>

#include "async/shard.hpp"
#include "web/exchange.hpp"
#include "web/tls.hpp"

namespace weft::web {

class ClientShard;

struct ClientConfig {
  TlsTrust trust{};
  std::string user_agent = "weft";                              ///< where the request has none; empty: none is added
  std::size_t max_header_bytes = std::size_t{64} * 1024;        ///< of an answer's head, and of its trailers
  std::size_t max_connections_per_authority = 512;              ///< per shard; beyond it connection-limit-reached
  std::size_t max_idle_per_authority = 32;                      ///< per shard
  std::chrono::milliseconds idle_timeout{90'000};               ///< of a kept connection
  std::chrono::nanoseconds timeout{std::chrono::seconds(600)};  ///< each of the three that a request does not set
};

class ClientHandler final : public Handler {
 public:
  static Result<std::unique_ptr<ClientHandler>> create(async::ShardPool& shards, ClientConfig config);
  ~ClientHandler() override;

  [[nodiscard]] std::unique_ptr<Responder> on_request(Exchange& exchange) override;

  /// Refuses new requests, waits up to `grace` for those under way, ends the rest. Blocks; idempotent.
  void close(std::chrono::milliseconds grace);

 private:
  ClientHandler(async::ShardPool& shards, ClientConfig config, const TlsContext& tls);

  ClientConfig config_;
  std::vector<std::shared_ptr<ClientShard>> shards_;  ///< shared with the work posted to their shards
  bool closed_ = false;
};

}  // namespace weft::web
