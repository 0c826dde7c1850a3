// SPDX-License-Identifier: Apache-2.0
/// A component as a target of calls: each call gets a fresh instance (or one that is reused, if it is so configured),
/// on the shard where it arrived. At most `max_instances` calls run at once over all shards, HTTP requests among them;
/// `max_queued` more wait for their turn, and the rest is shed.
///
/// Ownership: shared by the host and the routing snapshots; borrows the shards, the dispatcher and the log. close()
/// must have returned before it is destroyed. Threads: invoke() and drop_resource() on a shard, close() on none, all
/// else from any. Errors of a call: not_found (no such export), malformed (bytes that are not of its types), trap,
/// resource_exhausted (shed, no instance free), deadline_exceeded, unavailable (closing).
///
/// A call's deadline is the earlier of its caller's and the component's own (limits.timeout). It is handed on, with the
/// trace context and the depth, to the calls that the guest makes.
#pragma once

#include <weft/host.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "async/shard.hpp"
#include "dispatch/dispatcher.hpp"
#include "dispatch/target.hpp"
#include "guest/component.hpp"
#include "guest/component_stats.hpp"
#include "guest/guest_imports.hpp"
#include "guest/http_guest.hpp"
#include "guest/permits.hpp"

namespace weft::guest {

class ComponentShard;

struct ComponentTargetConfig {
  std::uint32_t max_instances = 0;  ///< calls at once; 0: what the engine's pool holds
  std::uint32_t max_queued = 1024;
  ProvidedInterfaces provided = {};  // NOLINT(readability-redundant-member-init): lets it be left out of initializers
};

class ComponentTarget final : public dispatch::Target {
 public:
  /// The component must have been prepared with engine::Imports::all, or import nothing.
  ComponentTarget(async::ShardPool& shards, std::shared_ptr<const LoadedComponent> component,
                  dispatch::Dispatcher& dispatcher, const ComponentTargetConfig& config, const LogSink& log);
  ~ComponentTarget() override;
  ComponentTarget(const ComponentTarget&) = delete;
  ComponentTarget& operator=(const ComponentTarget&) = delete;

  [[nodiscard]] const std::string& id() const noexcept override { return component_->id(); }
  [[nodiscard]] std::unique_ptr<dispatch::PendingCall> invoke(async::Shard& shard,
                                                              const dispatch::Invocation& invocation,
                                                              dispatch::CallHandler& handler) override;
  /// Null if the component does not export wasi:http/incoming-handler.
  [[nodiscard]] web::Handler* http() noexcept override { return http_.get(); }

  [[nodiscard]] std::vector<dispatch::FunctionName> functions() const override;

  /// A caller has dropped its handle of a resource that this component gave out. Its destructor runs if its instance is
  /// kept on this shard for further calls; any other has ended with its call, and its resources with it.
  void drop_resource(async::Shard& shard, const dispatch::Invocation& drop) noexcept override;

  /// Calls that run stay, even if they are more.
  void set_max_instances(std::uint32_t count) { permits_->set_limit(count); }
  [[nodiscard]] ComponentStats stats() const;
  [[nodiscard]] const LoadedComponent& component() const noexcept { return *component_; }

  /// Refuses new calls, waits up to `grace` for those that run or wait, and ends the rest with an error. Blocks.
  void close(std::chrono::milliseconds grace);

 private:
  std::shared_ptr<const LoadedComponent> component_;
  ImportPlan imports_;
  std::shared_ptr<Permits> permits_;
  async::ShardPool& shards_;
  std::atomic<bool> closing_{false};
  bool closed_ = false;
  std::vector<std::unique_ptr<ComponentShard>> per_shard_;
  std::unique_ptr<HttpGuests> http_;
};

}  // namespace weft::guest
