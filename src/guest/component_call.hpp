// SPDX-License-Identifier: Apache-2.0
/// One call of a component's function, from its permit to its end.
///
/// Ownership: by its caller, whose PendingCall it is; it may outlive its shard's part once it is over. Borrows its
/// handler until it has told it. Threads: the shard it began on.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "dispatch/target.hpp"
#include "engine/call.hpp"
#include "guest/component_shard.hpp"
#include "guest/guest_imports.hpp"
#include "guest/permits.hpp"

namespace weft::guest {

/// A handler that wants to know what its call has cost; told before its results, and never of one that failed.
class CallStatsTaker {
 public:
  virtual void take_stats(const CallStats& stats) = 0;

 protected:
  ~CallStatsTaker() = default;
};

class ComponentCall final : public dispatch::PendingCall,
                            private engine::CallEvents,
                            private Permits::Waiter,
                            private OpenCall {
 public:
  ComponentCall(ComponentShard& owner, const FoundFunction& function, dispatch::CallHandler& handler, CallScope scope);
  ~ComponentCall() override;
  ComponentCall(const ComponentCall&) = delete;
  ComponentCall& operator=(const ComponentCall&) = delete;

  void begin(const dispatch::Invocation& invocation);
  /// It has not ended at once: the shard ends it when its time is over, or when the component goes.
  void stay();
  [[nodiscard]] bool is_over() const noexcept { return state_ == State::over; }

 private:
  enum class State : std::uint8_t { fresh, waiting, running, over };

  void on_import(std::uint64_t token, std::uint32_t import, std::span<const std::byte> params) override;
  void on_stream(const engine::StreamEvent& event) override { imports_.on_stream(event); }
  void on_http(std::unique_ptr<engine::OutgoingHttp> request) override;
  void on_polled(engine::Polled polled) override;
  void on_log(std::uint32_t stream, std::string_view line) override;
  void on_permit() override;
  void fail(Error error) override;
  void deadline_passed() override;

  void run(std::span<const std::byte> params, dispatch::ParamsOwner* owner);
  [[nodiscard]] Error why(Error outcome);
  /// Lets go of everything but the engine's call, which it gives: its result may still be needed.
  std::unique_ptr<engine::Call> end(bool failed) noexcept;

  ComponentShard& owner_;  ///< may be gone once this is over
  const FoundFunction& function_;
  dispatch::CallHandler& handler_;
  State state_ = State::fresh;
  ComponentShard::Clock::time_point began_;
  std::optional<ComponentShard::Deadlines::iterator> deadline_;
  engine::Bytes kept_params_;  ///< while it waits
  std::unique_ptr<engine::Call> call_;
  GuestImports imports_;
};

}  // namespace weft::guest
