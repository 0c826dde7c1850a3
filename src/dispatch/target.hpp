// SPDX-License-Identifier: Apache-2.0
/// Whoever answers calls: a component, a built-in provider, and (over NATS) a component or provider elsewhere. All
/// three are called in the same way, with values in the one encoding (docs/design/0002), so a caller never knows which
/// it has.
///
/// Ownership: a Target is shared by the routing snapshots and the calls that are under way at it; a call that has begun
/// ends at the target it began with. Threads: invoke() and everything of one call on the shard it was begun on; a
/// Target is called from every shard at once.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>
#include <weft/result.hpp>

#include "async/shard.hpp"
#include "dispatch/channel.hpp"

namespace weft::web {
class Handler;
}

namespace weft::dispatch {

/// What travels with a call, from the first to the last of a chain.
struct CallContext {
  std::string_view source;     ///< id of the component or provider that calls
  std::string_view link_name;  ///< the link it calls over
  std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();
  std::uint32_t depth = 0;             ///< calls that this one is nested in
  std::string_view trace_parent = {};  ///< W3C traceparent and tracestate as received; empty: none
  std::string_view trace_state = {};
  /// The deadline is for the streams among the results, too: whoever reads them cannot say that it has gone.
  bool deadline_for_streams = false;
  std::uint64_t chain = 0;  ///< names the chain of calls this one belongs to, see Target::end_chain(); 0: none
};

/// Who holds the memory of a call's parameters. A target that knows what it is may take them over instead of copying.
class ParamsOwner {
 public:
  virtual ~ParamsOwner() = default;
  ParamsOwner(const ParamsOwner&) = delete;
  ParamsOwner& operator=(const ParamsOwner&) = delete;

 protected:
  ParamsOwner() = default;
};

/// One call. The views are valid until invoke() returns; who needs them longer copies.
struct Invocation {
  std::string_view interface;  ///< as on the wire: "acme:shop/cart@1.0.0", "wrpc:keyvalue/store@0.2.0-draft"
  std::string_view function;   ///< "get", "[method]cart.add"
  std::span<const std::byte> params;
  CallContext context;
  ParamsOwner* owner = nullptr;  ///< of params, if they may be taken over until invoke() returns
  Channels* channels = nullptr;  ///< the streams among params; who reads them takes them over until invoke() returns
  std::span<const std::string_view> result_paths = {};  ///< of streams and futures that the results may have
};

/// A function that a target answers, as an Invocation names it.
struct FunctionName {
  std::string interface;
  std::string function;
  std::vector<std::string> param_paths = {};  ///< of streams and futures among its parameters

  friend bool operator==(const FunctionName&, const FunctionName&) = default;
};

/// Told how a call ended: exactly one of them, once, on the call's shard; possibly before invoke() returns. Each
/// may destroy the PendingCall.
class CallHandler {
 public:
  /// `results` are valid until this returns.
  virtual void on_results(std::span<const std::byte> results) = 0;
  /// The same with streams and futures, which may be read from now on. Who does not expect any drops them.
  // NOLINTNEXTLINE(performance-unnecessary-value-param): who overrides it takes them over
  virtual void on_streamed_results(std::span<const std::byte> results, Channels /*channels*/) { on_results(results); }
  virtual void on_error(Error error) = 0;
  /// Like on_error(), where it is certain that nobody has the call: nobody serves that function of that interface.
  virtual void on_not_served(Error error) { on_error(std::move(error)); }

 protected:
  ~CallHandler() = default;
};

/// A call under way. Destroying it cancels the call: nothing is told to its handler after.
class PendingCall {
 public:
  virtual ~PendingCall() = default;
};

class Target {
 public:
  virtual ~Target() = default;
  [[nodiscard]] virtual const std::string& id() const noexcept = 0;

  /// Begins a call. Null: the handler has been told already.
  [[nodiscard]] virtual std::unique_ptr<PendingCall> invoke(async::Shard& shard, const Invocation& invocation,
                                                            CallHandler& handler) = 0;

  /// The chain of calls has ended, so what was made for it can go: nobody holds the handles any more. On the shard of
  /// its calls; may be left out.
  virtual void end_chain(async::Shard& /*shard*/, std::uint64_t /*chain*/) noexcept {}

  /// A caller has dropped a handle that this target gave it: `drop.function` is "[resource-drop]name", its parameters
  /// are the handle. Nobody waits for it.
  virtual void drop_resource(async::Shard& /*shard*/, const Invocation& /*drop*/) noexcept {}

  /// Who answers HTTP requests to this target, natively; null if it answers none.
  [[nodiscard]] virtual web::Handler* http() noexcept { return nullptr; }

  /// What the lattice may call of it, HTTP aside. Any thread.
  [[nodiscard]] virtual std::vector<FunctionName> functions() const { return {}; }
};

}  // namespace weft::dispatch
