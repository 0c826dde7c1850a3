// SPDX-License-Identifier: Apache-2.0
/// One call of a component's function, from its permit to its results, which are its end.
///
/// Ownership: by its caller, whose PendingCall it is; it may outlive its shard's part once it is over. Borrows its
/// handler until it has told it. Threads: the shard it began on.
#pragma once

#include <memory>

#include "dispatch/target.hpp"
#include "guest/guest_call.hpp"

namespace weft::guest {

/// A handler that wants to know what its call has cost; told before its results, and never of one that failed.
class CallStatsTaker {
 public:
  virtual void take_stats(const CallStats& stats) = 0;

 protected:
  ~CallStatsTaker() = default;
};

class ComponentCall final : public dispatch::PendingCall, public GuestCall {
 public:
  ComponentCall(ComponentShard& owner, const FoundFunction& function, dispatch::CallHandler& handler, CallScope scope)
      : GuestCall(owner, function, std::move(scope)), handler_(handler) {}
  ~ComponentCall() override;
  ComponentCall(const ComponentCall&) = delete;
  ComponentCall& operator=(const ComponentCall&) = delete;

  void begin(const dispatch::Invocation& invocation) { enter(invocation); }

 private:
  void on_polled(engine::Polled polled) override;
  void fail(Error error) override;
  /// Lets go of everything but the engine's call, which it gives: its result may still be needed.
  std::unique_ptr<engine::Call> end(bool failed) noexcept;

  dispatch::CallHandler& handler_;
};

}  // namespace weft::guest
