// SPDX-License-Identifier: Apache-2.0
#include "guest/guest_call.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace weft::guest {

GuestCall::GuestCall(ComponentShard& owner, const FoundFunction& function, CallScope scope)
    : owner_(owner),
      function_(function),
      began_(ComponentShard::Clock::now()),
      imports_(&owner.imports_, owner.shard_, std::move(scope)) {
  const auto timeout = owner.component_.config().limits.timeout;
  if (timeout.count() != 0) {
    auto& deadline = imports_.scope().deadline;
    deadline = std::min(deadline, began_ + timeout);
  }
}

void GuestCall::enter(const dispatch::Invocation& invocation) {
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

void GuestCall::stay() {
  owner_.calls_.push_back(*this);
  if (const auto deadline = imports_.scope().deadline; deadline != ComponentShard::Clock::time_point::max()) {
    deadline_ = owner_.watch(*this, deadline);
  }
}

void GuestCall::on_permit() {
  const auto params = std::move(kept_params_);
  run(params, nullptr);
}

void GuestCall::run(std::span<const std::byte> params, dispatch::ParamsOwner* owner) {
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
  on_made(*call_);
  call_->poll_now();
}

void GuestCall::on_import(std::uint64_t token, std::uint32_t import, std::span<const std::byte> params) {
  imports_.answer(*call_, token, import, params);
}

void GuestCall::on_http(std::unique_ptr<engine::OutgoingHttp> request) {
  imports_.send(std::move(request), owner_.component_.id());
}

void GuestCall::on_log(std::uint32_t stream, std::string_view line) {
  log(stream == 2 ? LogLevel::warning : LogLevel::info, line);
}

void GuestCall::log(LogLevel level, std::string_view line) const {
  if (owner_.log_) {
    owner_.log_(level, owner_.component_.id(), line);
  }
}

Result<void> GuestCall::outcome() {
  WEFT_TRY(const auto code, call_->outcome());
  if (code != 0) {
    return Error(Errc::guest_exit, fmt::format("the guest exited with code {}", code), {}, Blame::guest);
  }
  return {};
}

Error GuestCall::why(Error outcome) {
  auto cause = imports_.take_failure().value_or(std::move(outcome));
  auto code = cause.code();
  if (code == Errc::not_found || code == Errc::unavailable || code == Errc::cancelled) {
    code = Errc::trap;  // to whoever called this component it has failed, but it was there
  }
  return Error(code, fmt::format("\"{}\" failed in {}: {}", owner_.component_.id(), function_.name, cause.message()),
               cause.hint(), cause.blame())
      .with_detail(cause.detail());
}

void GuestCall::deadline_passed() {
  fail(Error(Errc::deadline_exceeded,
             fmt::format("\"{}\" took longer than it may in {}{}", owner_.component_.id(), function_.name,
                         state_ == State::waiting ? ", waiting for its turn" : ""),
             "give the call or the component more time, or look for what the guest waits for", Blame::guest));
}

void GuestCall::forget_deadline() noexcept {
  if (deadline_) {
    owner_.unwatch(*std::exchange(deadline_, std::nullopt));
  }
}

void GuestCall::leave(bool failed) noexcept {
  forget_deadline();
  if (is_linked()) {
    owner_.calls_.erase(owner_.calls_.iterator_to(*this));
  }
  function_.counters->ended(ComponentShard::Clock::now() - began_, failed);
  switch (std::exchange(state_, State::over)) {
    case State::running:
      owner_.permits_.leave();
      break;
    case State::waiting:
      owner_.permits_.forget(owner_.shard_, *this);
      break;
    case State::fresh:
    case State::over:
      break;
  }
}

}  // namespace weft::guest
