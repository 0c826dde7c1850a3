// SPDX-License-Identifier: Apache-2.0
/// What the two forms of a call of a component's function have in common: one that ends with its results
/// (component_call.hpp), and one that goes on with its streams (streamed_call.hpp). A permit, a deadline, the engine's
/// call and its imports.
///
/// Ownership: see the two; borrows its shard's part, which ends it at the latest. Threads: the shard it began on.
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

class GuestCall : protected engine::CallEvents, protected Permits::Waiter, protected OpenCall {
 public:
  GuestCall(const GuestCall&) = delete;
  GuestCall& operator=(const GuestCall&) = delete;

  [[nodiscard]] bool is_over() const noexcept { return state_ == State::over; }
  /// It has not ended at once: the shard ends it when its time is over, or when the component goes.
  void stay();

 protected:
  GuestCall(ComponentShard& owner, const FoundFunction& function, CallScope scope);
  ~GuestCall() = default;

  /// Runs the guest when there is a permit for it, or fails.
  void enter(const dispatch::Invocation& invocation);
  /// Between the making of the engine's call and its first poll.
  virtual void on_made(engine::Call& /*call*/) {}
  /// Once the engine's call is done: an exit code is an error, too.
  Result<void> outcome();
  /// Names who failed in what; an import that failed says more than the trap that follows from it.
  [[nodiscard]] Error why(Error outcome);
  void forget_deadline() noexcept;
  /// Gives up its permit and its place in the shard, and counts; once.
  void leave(bool failed) noexcept;
  void log(LogLevel level, std::string_view line) const;

  // engine::CallEvents
  void on_import(std::uint64_t token, std::uint32_t import, std::span<const std::byte> params) override;
  void on_stream(const engine::StreamEvent& event) override { imports_.on_stream(event); }
  void on_http(std::unique_ptr<engine::OutgoingHttp> request) override;
  void on_log(std::uint32_t stream, std::string_view line) override;
  // Permits::Waiter
  void on_permit() override;
  // OpenCall
  void deadline_passed() override;

  [[nodiscard]] const FoundFunction& found() const noexcept { return function_; }
  engine::Call& call() noexcept { return *call_; }
  std::unique_ptr<engine::Call> take_call() noexcept { return std::move(call_); }
  GuestImports& imports() noexcept { return imports_; }

 private:
  enum class State : std::uint8_t { fresh, waiting, running, over };

  void run(std::span<const std::byte> params, dispatch::ParamsOwner* owner);

  ComponentShard& owner_;  ///< may be gone once this is over
  const FoundFunction& function_;
  State state_ = State::fresh;
  ComponentShard::Clock::time_point began_;
  std::optional<ComponentShard::Deadlines::iterator> deadline_;
  engine::Bytes kept_params_;  ///< while it waits
  std::unique_ptr<engine::Call> call_;
  GuestImports imports_;
};

}  // namespace weft::guest
