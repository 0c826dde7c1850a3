// SPDX-License-Identifier: Apache-2.0
#include "guest/streamed_call.hpp"

#include <string_view>
#include <utility>
#include <vector>

#include "guest/guest_call.hpp"
#include "guest/guest_streams.hpp"

namespace weft::guest {
namespace {

std::vector<std::string_view> views(const std::vector<std::string>& texts) { return {texts.begin(), texts.end()}; }

class StreamedGuestCall final : public std::enable_shared_from_this<StreamedGuestCall>, public GuestCall {
 public:
  StreamedGuestCall(ComponentShard& owner, const FoundFunction& function, dispatch::CallHandler& handler,
                    CallScope scope)
      : GuestCall(owner, function, std::move(scope)), handler_(&handler) {}
  StreamedGuestCall(const StreamedGuestCall&) = delete;
  StreamedGuestCall& operator=(const StreamedGuestCall&) = delete;
  virtual ~StreamedGuestCall() = default;

  void begin(const dispatch::Invocation& invocation);
  /// Nobody waits for the results any more. Once they have been told, the call is by itself.
  void caller_gone() {
    if (std::exchange(handler_, nullptr) != nullptr) {
      end(true);
    }
  }
  [[nodiscard]] bool is_waited_for() const noexcept { return handler_ != nullptr; }

 private:
  void on_made(engine::Call& call) override {
    streams_.take(call, engine::kOwnCall, std::exchange(channels_, {}), views(found().param_paths));
  }
  void on_stream(const engine::StreamEvent& event) override {
    event.token == engine::kOwnCall ? streams_.on_event(event) : GuestCall::on_stream(event);
  }
  void on_polled(engine::Polled polled) override;
  void on_permit() override {
    const auto self = shared_from_this();
    GuestCall::on_permit();
  }
  void fail(Error error) override;

  void tell_results();
  /// May let go of the last of itself: whoever calls it holds itself meanwhile.
  void end(bool failed);

  dispatch::CallHandler* handler_;           ///< null: has been told, or has gone
  dispatch::Channels channels_;              ///< of its parameters, until it runs
  GuestStreams streams_;                     ///< of its own values
  std::shared_ptr<StreamedGuestCall> self_;  ///< until it is over
};

/// Its caller's end.
class Handle final : public dispatch::PendingCall {
 public:
  explicit Handle(std::shared_ptr<StreamedGuestCall> call) : call_(std::move(call)) {}
  ~Handle() override { call_->caller_gone(); }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;

 private:
  std::shared_ptr<StreamedGuestCall> call_;
};

void StreamedGuestCall::begin(const dispatch::Invocation& invocation) {
  self_ = shared_from_this();
  stay();
  if (invocation.channels != nullptr) {
    channels_ = std::exchange(*invocation.channels, {});
  }
  enter(invocation);
}

void StreamedGuestCall::on_polled(engine::Polled polled) {
  const auto self = shared_from_this();
  if (polled.result && handler_ != nullptr) {
    tell_results();
  }
  if (!polled.done || is_over()) {
    return;
  }
  auto done = outcome();
  if (done) {
    return end(false);
  }
  fail(why(std::move(done).error()));
}

void StreamedGuestCall::tell_results() {
  if (!imports().scope().deadline_for_streams) {
    forget_deadline();
  }
  auto channels = streams_.uploads(call(), engine::kOwnCall, views(found().result_paths));
  auto& handler = *std::exchange(handler_, nullptr);
  if (channels.empty()) {
    handler.on_results(call().result());
  } else {
    handler.on_streamed_results(call().result(), std::move(channels));
  }
}

void StreamedGuestCall::fail(Error error) {
  const auto self = shared_from_this();
  auto* const handler = std::exchange(handler_, nullptr);
  end(true);
  if (handler != nullptr) {
    return handler->on_error(std::move(error));
  }
  // Its streams break off, which says that it has failed and not why.
  log(LogLevel::error, error.to_string());
}

void StreamedGuestCall::end(bool failed) {
  const auto self = std::exchange(self_, nullptr);
  if (is_over()) {
    return;
  }
  leave(failed);
  // What reads of its streams is told that they have broken off, while the call is still there to be asked.
  const auto channels = std::exchange(channels_, {});
  streams_.close();
  imports().cancel();
  take_call();
}

}  // namespace

std::unique_ptr<dispatch::PendingCall> begin_streamed_call(ComponentShard& owner, const FoundFunction& function,
                                                           const dispatch::Invocation& invocation,
                                                           dispatch::CallHandler& handler) {
  const auto call = std::make_shared<StreamedGuestCall>(owner, function, handler, CallScope::of(invocation.context));
  call->begin(invocation);
  return call->is_waited_for() ? std::make_unique<Handle>(call) : nullptr;
}

}  // namespace weft::guest
