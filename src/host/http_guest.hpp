// SPDX-License-Identifier: Apache-2.0
/// Requests answered by a component: each request is one call of wasi:http/incoming-handler, its bodies streamed both
/// ways at the pace of the slower side. A guest may go on computing after its response is out; a client that leaves
/// cancels it.
///
/// Status codes when the guest fails before its head: 500 trap, 502 no response, 503 no instance free, 504 deadline, and
/// web::to_status() of an error-code that it answers with; after it, the message is left visibly incomplete.
///
/// Ownership: HttpGuests owns one ShardGuests per shard, which owns the calls in flight there; the responder that a
/// session holds only points at its call. Threads: on_request() and all of ShardGuests on their shard; the rest as
/// noted.
#pragma once

#include <weft/host.hpp>

#include <atomic>
#include <memory>
#include <vector>

#include "async/shard.hpp"
#include "host/component.hpp"
#include "host/outgoing_exchange.hpp"
#include "web/exchange.hpp"

namespace weft::host {

class ShardGuests;

class HttpGuests final : public web::Handler {
 public:
  HttpGuests(async::ShardPool& shards, std::shared_ptr<const LoadedComponent> component, const LogSink& log,
             HttpRoute route = {});
  ~HttpGuests() override;

  std::unique_ptr<web::Responder> on_request(web::Exchange& exchange) override;

  /// Cancels every call on every shard and frees what the shards hold. Blocks; not from a shard; the server is closed
  /// before.
  void close();

  [[nodiscard]] const LoadedComponent& component() const noexcept { return *component_; }
  [[nodiscard]] const LogSink& log() const noexcept { return log_; }
  /// Where requests of the guest go; empty: they are denied.
  [[nodiscard]] const HttpRoute& route() const noexcept { return route_; }
  /// Takes one of max_concurrent's places, or returns false. Any shard.
  bool enter() noexcept;
  void leave() noexcept;

 private:
  std::shared_ptr<const LoadedComponent> component_;
  const LogSink& log_;
  HttpRoute route_;
  std::atomic<std::uint32_t> running_{0};
  std::vector<std::unique_ptr<ShardGuests>> guests_;
};

}  // namespace weft::host
