// SPDX-License-Identifier: Apache-2.0
#include "guest/streamed_call.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/call.hpp"
#include "guest/guest_imports.hpp"
#include "guest/guest_streams.hpp"

namespace weft::guest {

class StreamedGuestCall final : public std::enable_shared_from_this<StreamedGuestCall>,
                                private engine::CallEvents,
                                private Permits::Waiter,
                                private OpenCall {
 public:
  StreamedGuestCall(ComponentShard& owner, const FoundFunction& function, dispatch::CallHandler& handler,
                    CallScope scope)
      : owner_(owner),
        function_(function),
        handler_(&handler),
        began_(ComponentShard::Clock::now()),
        imports_(&owner.imports_, owner.shard_, std::move(scope)) {
    const auto timeout = owner.component_.config().limits.timeout;
    if (timeout.count() != 0) {
      auto& deadline = imports_.scope().deadline;
      deadline = std::min(deadline, began_ + timeout);
    }
  }
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
  enum class State : std::uint8_t { fresh, waiting, running, over };

  // engine::CallEvents
  void on_import(std::uint64_t token, std::uint32_t import, std::span<const std::byte> params) override {
    imports_.answer(*call_, token, import, params);
  }
  void on_stream(const engine::StreamEvent& event) override {
    event.token == engine::kOwnCall ? streams_.on_event(event) : imports_.on_stream(event);
  }
  void on_http(std::unique_ptr<engine::OutgoingHttp> request) override {
    imports_.send(std::move(request), owner_.component_.id());
  }
  void on_polled(engine::Polled polled) override;
  void on_log(std::uint32_t stream, std::string_view line) override {
    log(stream == 2 ? LogLevel::warning : LogLevel::info, line);
  }
  // Permits::Waiter
  void on_permit() override {
    const auto self = shared_from_this();
    const auto params = std::move(kept_params_);
    run(params, nullptr);
  }
  // OpenCall
  void fail(Error error) override;
  void deadline_passed() override;

  void run(std::span<const std::byte> params, dispatch::ParamsOwner* owner);
  void tell_results();
  void log(LogLevel level, std::string_view line) const {
    if (owner_.log_) {
      owner_.log_(level, owner_.component_.id(), line);
    }
  }
  [[nodiscard]] Error why(Error outcome);
  void forget_deadline() {
    if (deadline_) {
      owner_.unwatch(*std::exchange(deadline_, std::nullopt));
    }
  }
  /// May let go of the last of itself: whoever calls it holds itself meanwhile.
  void end(bool failed);

  ComponentShard& owner_;
  const FoundFunction& function_;
  dispatch::CallHandler* handler_;  ///< null: has been told, or has gone
  State state_ = State::fresh;
  ComponentShard::Clock::time_point began_;
  std::optional<ComponentShard::Deadlines::iterator> deadline_;
  engine::Bytes kept_params_;    ///< while it waits
  dispatch::Channels channels_;  ///< of its parameters, until it runs
  std::unique_ptr<engine::Call> call_;
  GuestStreams streams_;  ///< of its own values
  GuestImports imports_;
  std::shared_ptr<StreamedGuestCall> self_;  ///< until it is over
};

namespace {

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

std::vector<std::string_view> views(const std::vector<std::string>& texts) { return {texts.begin(), texts.end()}; }

}  // namespace

void StreamedGuestCall::begin(const dispatch::Invocation& invocation) {
  self_ = shared_from_this();
  owner_.calls_.push_back(*this);
  if (const auto deadline = imports_.scope().deadline; deadline != ComponentShard::Clock::time_point::max()) {
    deadline_ = owner_.watch(*this, deadline);
  }
  if (invocation.channels != nullptr) {
    channels_ = std::exchange(*invocation.channels, {});
  }
  switch (owner_.permits_.enter(owner_.shard_, *this)) {
    case Permits::Entry::taken:
      return run(invocation.params, invocation.owner);
    case Permits::Entry::queued:
      state_ = State::waiting;
      kept_params_.assign(invocation.params.begin(), invocation.params.end());
      return;
    case Permits::Entry::refused:
      owner_.shed_.fetch_add(1, std::memory_order_relaxed);
      return fail(Error(Errc::resource_exhausted,
                        fmt::format("\"{}\" has all the calls at once that it may have ({}), and as many that wait",
                                    owner_.component_.id(), owner_.permits_.limit()),
                        "send fewer calls at once, or let more instances of it run"));
  }
}

void StreamedGuestCall::run(std::span<const std::byte> params, dispatch::ParamsOwner* owner) {
  state_ = State::running;
  const auto* import = dynamic_cast<ImportParams*>(owner);
  auto call =
      import != nullptr
          ? engine::Call::function_from(owner_.lane(), function_.function, import->caller(), owner_.shard_, *this)
          : engine::Call::function(owner_.lane(), function_.function, params, owner_.shard_, *this);
  if (!call) {
    return fail(why(std::move(call).error()));
  }
  call_ = *std::move(call);
  streams_.take(*call_, engine::kOwnCall, std::exchange(channels_, {}), views(function_.param_paths));
  call_->poll_now();
}

void StreamedGuestCall::on_polled(engine::Polled polled) {
  const auto self = shared_from_this();
  if (polled.result && handler_ != nullptr) {
    tell_results();
  }
  if (!polled.done || state_ == State::over) {
    return;
  }
  auto outcome = call_->outcome();
  if (outcome && *outcome != 0) {
    outcome = Error(Errc::guest_exit, fmt::format("the guest exited with code {}", *outcome), {}, Blame::guest);
  }
  if (outcome) {
    return end(false);
  }
  auto error = why(std::move(outcome).error());
  if (handler_ == nullptr) {
    // Its streams break off, which says that it has failed and not why.
    log(LogLevel::error, error.to_string());
    return end(true);
  }
  fail(std::move(error));
}

void StreamedGuestCall::tell_results() {
  forget_deadline();
  dispatch::Channels channels;
  for (const auto& path : function_.result_paths) {
    const auto number = static_cast<std::uint32_t>(channels.size());
    channels.push_back({.path = path, .channel = streams_.upload(*call_, engine::kOwnCall, number)});
  }
  auto& handler = *std::exchange(handler_, nullptr);
  if (channels.empty()) {
    handler.on_results(call_->result());
  } else {
    handler.on_streamed_results(call_->result(), std::move(channels));
  }
}

/// Names who failed in what; an import that failed says more than the trap that follows from it.
Error StreamedGuestCall::why(Error outcome) {
  auto cause = imports_.take_failure().value_or(std::move(outcome));
  auto code = cause.code();
  if (code == Errc::not_found || code == Errc::unavailable || code == Errc::cancelled) {
    code = Errc::trap;  // to whoever called this component it has failed, but it was there
  }
  return Error(code, fmt::format("\"{}\" failed in {}: {}", owner_.component_.id(), function_.name, cause.message()),
               cause.hint(), cause.blame())
      .with_detail(cause.detail());
}

void StreamedGuestCall::deadline_passed() {
  fail(Error(Errc::deadline_exceeded,
             fmt::format("\"{}\" took longer than it may in {}{}", owner_.component_.id(), function_.name,
                         state_ == State::waiting ? ", waiting for its turn" : ""),
             "give the call or the component more time, or look for what the guest waits for", Blame::guest));
}

void StreamedGuestCall::fail(Error error) {
  const auto self = shared_from_this();
  auto* const handler = std::exchange(handler_, nullptr);
  end(true);
  if (handler != nullptr) {
    handler->on_error(std::move(error));
  }
}

void StreamedGuestCall::end(bool failed) {
  const auto self = std::exchange(self_, nullptr);
  forget_deadline();
  if (is_linked()) {
    owner_.calls_.erase(owner_.calls_.iterator_to(*this));
  }
  const auto state = std::exchange(state_, State::over);
  if (state == State::over) {
    return;
  }
  function_.counters->ended(ComponentShard::Clock::now() - began_, failed);
  if (state == State::running) {
    owner_.permits_.leave();
  } else if (state == State::waiting) {
    owner_.permits_.forget(owner_.shard_, *this);
  }
  // What reads of its streams is told that they have broken off, while the call is still there to be asked.
  const auto channels = std::exchange(channels_, {});
  streams_.close();
  imports_.cancel();
  call_.reset();
}

std::unique_ptr<dispatch::PendingCall> begin_streamed_call(ComponentShard& owner, const FoundFunction& function,
                                                           const dispatch::Invocation& invocation,
                                                           dispatch::CallHandler& handler) {
  const auto call = std::make_shared<StreamedGuestCall>(owner, function, handler, CallScope::of(invocation.context));
  call->begin(invocation);
  return call->is_waited_for() ? std::make_unique<Handle>(call) : nullptr;
}

}  // namespace weft::guest
