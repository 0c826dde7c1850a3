// SPDX-License-Identifier: Apache-2.0
/// One component on one shard: its lane, the functions it has been asked for, the calls that run or wait here, their
/// deadlines and their counters. And one call of it.
///
/// Ownership: ComponentShard by the ComponentTarget; a ComponentCall by its caller (it is the PendingCall), and the shard
/// knows of it until it has ended. Threads: the shard, but for add_stats(), which reads counters from any thread.
#pragma once

#include <weft/host.hpp>

#include <atomic>
#include <boost/asio/steady_timer.hpp>
#include <boost/intrusive/list.hpp>
#include <chrono>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "dispatch/target.hpp"
#include "engine/call.hpp"
#include "host/component.hpp"
#include "host/component_stats.hpp"
#include "host/guest_imports.hpp"
#include "host/permits.hpp"

namespace weft::host {

/// Written by one shard, read by any thread.
struct InterfaceCounters {
  std::atomic<std::uint64_t> errors{0};
  std::atomic<std::uint64_t> nanos{0};
  std::array<std::atomic<std::uint64_t>, kLatencyBuckets> latency{};

  void ended(std::chrono::nanoseconds took, bool failed) noexcept;
};

/// An export that has been looked up.
struct FoundFunction {
  engine::Function function;
  InterfaceCounters* counters;
};

class ComponentCall;

class ComponentShard {
 public:
  using Clock = std::chrono::steady_clock;
  using Deadlines = std::multimap<Clock::time_point, ComponentCall*>;

  ComponentShard(async::Shard& shard, const LoadedComponent& component, const ImportPlan& imports, Permits& permits,
                 const LogSink& log);
  ~ComponentShard();
  ComponentShard(const ComponentShard&) = delete;
  ComponentShard& operator=(const ComponentShard&) = delete;

  std::unique_ptr<dispatch::PendingCall> invoke(const dispatch::Invocation& invocation,
                                                dispatch::CallHandler& handler);
  void drop_resource(std::span<const std::byte> handle);
  /// Ends every call with `unavailable` and lets go of all instances.
  void end_all();
  void add_stats(ComponentStats& stats) const;

 private:
  friend class ComponentCall;
  class Drop;
  struct Key {
    std::string_view interface, function;
  };
  struct OwnedKey {
    std::string interface, function;
    operator Key() const noexcept { return {interface, function}; }  // NOLINT(google-explicit-constructor): it is one
  };
  struct KeyHash {
    using is_transparent = void;
    std::size_t operator()(const Key& key) const noexcept {
      return std::hash<std::string_view>{}(key.interface) * 31 + std::hash<std::string_view>{}(key.function);
    }
  };
  struct KeyEqual {
    using is_transparent = void;
    bool operator()(const Key& a, const Key& b) const noexcept {
      return a.function == b.function && a.interface == b.interface;
    }
  };

  Result<const FoundFunction*> find(std::string_view interface, std::string_view function);
  [[nodiscard]] Result<engine::Function> look_up(std::string_view interface, std::string_view function) const;
  InterfaceCounters& counters_of(std::string_view interface);
  engine::Lane& lane();
  Deadlines::iterator watch(ComponentCall& call, Clock::time_point deadline);
  void unwatch(Deadlines::iterator place);
  void arm();

  async::Shard& shard_;
  const LoadedComponent& component_;
  const ImportPlan& imports_;
  Permits& permits_;
  const LogSink& log_;
  std::vector<InterfaceCounters> counters_;  ///< the exports' in their order, then all others'
  std::atomic<std::uint64_t> shed_{0};
  std::unordered_map<OwnedKey, FoundFunction, KeyHash, KeyEqual> functions_;
  std::optional<engine::Lane> lane_;  ///< made at the first call
  Deadlines deadlines_;
  boost::asio::steady_timer timer_;
  Clock::time_point armed_ = Clock::time_point::max();
  boost::intrusive::list<ComponentCall, boost::intrusive::constant_time_size<false>> calls_;
  std::list<std::unique_ptr<Drop>> drops_;
};

class ComponentCall final : public dispatch::PendingCall,
                            private engine::CallEvents,
                            private Permits::Waiter,
                            public boost::intrusive::list_base_hook<> {
 public:
  ComponentCall(ComponentShard& owner, const FoundFunction& function, dispatch::CallHandler& handler, CallScope scope);
  ~ComponentCall() override;
  ComponentCall(const ComponentCall&) = delete;
  ComponentCall& operator=(const ComponentCall&) = delete;

  void begin(std::span<const std::byte> params);
  [[nodiscard]] bool is_over() const noexcept { return state_ == State::over; }
  /// Ends it before the guest does.
  void fail(Error error);

 private:
  friend class ComponentShard;
  enum class State : std::uint8_t { fresh, waiting, running, over };

  void on_import(std::uint64_t token, std::uint32_t import, std::span<const std::byte> params) override;
  void on_polled(engine::Polled polled) override;
  void on_log(std::uint32_t stream, std::string_view line) override;
  void on_permit() override;

  void run(std::span<const std::byte> params);
  [[nodiscard]] Error why(Error outcome);
  /// Lets go of everything but the engine's call, which it gives: its result may still be needed.
  std::unique_ptr<engine::Call> end(bool failed) noexcept;

  ComponentShard* owner_;
  const FoundFunction& function_;
  dispatch::CallHandler& handler_;
  State state_ = State::fresh;
  bool watched_ = false;
  ComponentShard::Clock::time_point began_;
  ComponentShard::Deadlines::iterator deadline_;
  engine::Bytes kept_params_;  ///< while it waits
  std::unique_ptr<engine::Call> call_;
  GuestImports imports_;
};

}  // namespace weft::host
