// SPDX-License-Identifier: Apache-2.0
/// One component on one shard: its lane, the functions it has been asked for, the calls that run or wait here, their
/// deadlines and their counters.
///
/// Ownership: by the ComponentTarget; the calls belong to their callers, and are known here until they have ended.
/// Threads: the shard, but for add_stats(), which reads counters from any thread.
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
#include "guest/component.hpp"
#include "guest/component_stats.hpp"
#include "guest/guest_imports.hpp"
#include "guest/permits.hpp"

namespace weft::guest {

/// An export that has been looked up.
struct FoundFunction {
  engine::Function function;
  InterfaceCounters* counters;
  std::string name;  ///< "acme:shop/cart@1.0.0#add", for messages
  bool is_streamed = false;
  std::vector<std::string> param_paths = {};   ///< of its streams and futures
  std::vector<std::string> result_paths = {};  ///< the same of its results
};

/// A call that has not ended, as its shard knows it. Each of these ends it.
class OpenCall : public boost::intrusive::list_base_hook<> {
 public:
  virtual void fail(Error error) = 0;
  virtual void deadline_passed() = 0;

 protected:
  ~OpenCall() = default;
};

class ComponentShard {
 public:
  using Clock = std::chrono::steady_clock;
  using Deadlines = std::multimap<Clock::time_point, OpenCall*>;

  ComponentShard(async::Shard& shard, const LoadedComponent& component, const ImportPlan& imports, Permits& permits,
                 const LogSink& log);
  ~ComponentShard();
  ComponentShard(const ComponentShard&) = delete;
  ComponentShard& operator=(const ComponentShard&) = delete;

  std::unique_ptr<dispatch::PendingCall> invoke(const dispatch::Invocation& invocation, dispatch::CallHandler& handler);
  void drop_resource(std::span<const std::byte> handle);
  /// Ends every call with `unavailable` and lets go of all instances.
  void end_all();
  void add_stats(ComponentStats& stats) const;

 private:
  friend class GuestCall;
  class Drop;  // NOLINT(cppcoreguidelines-virtual-class-destructor): it is final
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
  /// The first of `names` that is exported, and its interface.
  [[nodiscard]] Result<engine::Function> look_up(std::span<const dispatch::FunctionName> names,
                                                 std::string_view& interface) const;
  InterfaceCounters& counters_of(std::string_view interface);
  engine::Lane& lane();
  Deadlines::iterator watch(OpenCall& call, Clock::time_point deadline);
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
  boost::intrusive::list<OpenCall, boost::intrusive::constant_time_size<false>> calls_;
  std::list<std::unique_ptr<Drop>> drops_;
};

}  // namespace weft::guest
