// SPDX-License-Identifier: Apache-2.0
/// Requests answered by a component: each request is one call of wasi:http/incoming-handler, its bodies streamed both
/// ways at the pace of the slower side. A guest may go on computing after its response is out; a client that leaves
/// cancels it.
///
/// Status codes when the guest fails before its head: 500 trap, 502 no response, 503 no instance free or no more calls
/// may wait, 504 deadline, and web::to_status() of an error-code that it answers with; after it, the message is left
/// visibly incomplete.
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
#include "guest/component.hpp"
#include "guest/component_stats.hpp"
#include "guest/guest_imports.hpp"
#include "guest/permits.hpp"
#include "web/exchange.hpp"

namespace weft::guest {

class ShardGuests;

class HttpGuests final : public web::Handler {
 public:
  /// `permits` may be shared with other calls of the component; `imports` is null for one that is linked to nobody.
  HttpGuests(async::ShardPool& shards, std::shared_ptr<const LoadedComponent> component, const LogSink& log,
             std::shared_ptr<Permits> permits, const ImportPlan* imports);
  ~HttpGuests() override;

  std::unique_ptr<web::Responder> on_request(web::Exchange& exchange) override;

  /// From here on every request is answered 503. Any thread.
  void refuse() noexcept { refusing_.store(true, std::memory_order_relaxed); }
  /// Ends every call on every shard and frees what the shards hold; who still waits for an answer gets 503. Blocks; not
  /// from a shard; no request comes after: the server is closed, or refuse() was called before.
  void close();

  /// Requests whose guest has ended, by how long it ran and whether it failed. Any thread.
  void add_stats(InterfaceStats& stats) const noexcept;

  [[nodiscard]] const LoadedComponent& component() const noexcept { return *component_; }
  [[nodiscard]] const LogSink& log() const noexcept { return log_; }
  [[nodiscard]] Permits& permits() const noexcept { return *permits_; }
  [[nodiscard]] const ImportPlan* imports() const noexcept { return imports_; }

 private:
  std::shared_ptr<const LoadedComponent> component_;
  const LogSink& log_;
  std::shared_ptr<Permits> permits_;
  const ImportPlan* imports_;
  std::atomic<bool> refusing_{false};
  std::vector<std::unique_ptr<ShardGuests>> guests_;
};

}  // namespace weft::guest
