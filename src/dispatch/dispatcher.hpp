// SPDX-License-Identifier: Apache-2.0
/// The one path of every call: looks the route up in the shard's snapshot and hands the call to its target.
///
/// Ownership: by the Host; components and providers borrow it. Threads: invoke() and find() on a shard, with that
/// shard's own copy of the snapshot: no lock and no atomic on the way. publish() from the control shard.
/// Errors, by which a caller's operator can repair it: not_found (no link; names source, link name, interface and the
/// command that puts one), unavailable (the target does not run; names it and the command that starts it),
/// resource_exhausted (calls nested deeper than kMaxDepth), deadline_exceeded.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "async/shard.hpp"
#include "async/task.hpp"
#include "dispatch/routing.hpp"
#include "dispatch/target.hpp"

namespace weft::dispatch {

/// How deep calls may nest: a cycle of links ends here instead of in memory.
inline constexpr std::uint32_t kMaxDepth = 64;

class Dispatcher {
 public:
  explicit Dispatcher(async::ShardPool& shards);
  ~Dispatcher();
  Dispatcher(const Dispatcher&) = delete;
  Dispatcher& operator=(const Dispatcher&) = delete;

  /// Routes one call by (context.source, context.link_name, interface_key) and begins it at its target. `interface_key`
  /// is the interface as links name it, `invocation.interface` as the wire does. `meter` begins if there is a link; its
  /// owner ends it.
  [[nodiscard]] std::unique_ptr<PendingCall> invoke(async::Shard& shard, std::string_view interface_key,
                                                    const Invocation& invocation, CallHandler& handler,
                                                    CallMeter* meter = nullptr);
  /// The route itself, for HTTP and for set-link-name; or the error that invoke() would give.
  [[nodiscard]] Result<std::shared_ptr<Target>> find(async::Shard& shard, std::string_view source,
                                                     std::string_view link_name, std::string_view interface_key,
                                                     CallMeter* meter = nullptr) const;
  [[nodiscard]] bool has_link(async::Shard& shard, std::string_view source, std::string_view link_name,
                              std::string_view interface_key) const;

  [[nodiscard]] std::size_t shards() const noexcept { return per_shard_.size(); }
  /// A number that no other chain of calls of this host has (CallContext::chain). Any thread.
  [[nodiscard]] std::uint64_t new_chain() noexcept { return chains_.fetch_add(1, std::memory_order_relaxed) + 1; }

  /// Hands a new snapshot to every shard; done when all use it.
  async::Task<void> publish(std::shared_ptr<const RoutingSnapshot> snapshot);

 private:
  struct PerShard;
  std::vector<std::unique_ptr<PerShard>> per_shard_;
  async::ShardPool& shards_;
  std::atomic<std::uint64_t> chains_{0};
};

}  // namespace weft::dispatch
