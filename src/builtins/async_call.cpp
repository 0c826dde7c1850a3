// SPDX-License-Identifier: Apache-2.0
#include "builtins/async_call.hpp"

#include <boost/asio/post.hpp>
#include <utility>

#include "builtins/stream_channels.hpp"

namespace weft::builtins {

AsyncCall::AsyncCall(async::Shard& shard, std::shared_ptr<CallOwner> owner, CallLane& lane,
                     dispatch::CallHandler& handler)
    : io_(shard.shared_io()), handler_(&handler), owner_(std::move(owner)), lane_(lane), next_(lane.first) {
  if (next_ != nullptr) next_->previous_ = this;
  lane_.first = this;
}

AsyncCall::~AsyncCall() = default;

void AsyncCall::finish(Result<detail::Answer> results) noexcept {
  if (answered_.exchange(true, std::memory_order_acq_rel)) return;
  if (std::this_thread::get_id() == thread_ && in_function_) {
    // Not told from within the function: the handler may call it again, or destroy what it still uses.
    early_.emplace(std::move(results));
    return;
  }
  const auto io = std::exchange(io_, nullptr);
  // Weakly: a loop's queue must not hold the loop.
  boost::asio::post(
      *io, [self = shared_from_this(), weak = std::weak_ptr(io), results = std::move(results)]() mutable noexcept {
        self->deliver(std::move(results), weak.lock());
      });
}

bool AsyncCall::function_returned(Result<void> outcome) {
  in_function_ = false;
  if (!outcome && (!answered_.exchange(true, std::memory_order_acq_rel) || early_)) {
    early_.emplace(std::move(outcome).error());
  }
  if (!early_) return false;
  deliver(*std::exchange(early_, std::nullopt), std::exchange(io_, nullptr));
  return true;
}

void AsyncCall::deliver(Result<detail::Answer> results, const std::shared_ptr<boost::asio::io_context>& io) noexcept {
  dispatch::CallHandler* handler = end();
  if (handler == nullptr) return;
  forget_callback();
  if (results && results->channels.empty()) {
    handler->on_results(results->bytes);
  } else if (results) {
    handler->on_streamed_results(results->bytes, from_provider(io, std::move(results->channels)));
  } else {
    handler->on_error(std::move(results).error());
  }
}

dispatch::CallHandler* AsyncCall::end() noexcept {
  dispatch::CallHandler* handler = std::exchange(handler_, nullptr);
  if (handler == nullptr) return nullptr;
  (previous_ == nullptr ? lane_.first : previous_->next_) = next_;
  if (next_ != nullptr) next_->previous_ = previous_;
  // The lane belongs to the owner; a call that outlives its end must not keep the owner.
  const auto owner = std::exchange(owner_, nullptr);
  owner->call_ended(lane_);
  return handler;
}

void AsyncCall::cancel() noexcept {
  if (end() != nullptr) tell_cancelled();
}

void AsyncCall::abort(Error error) noexcept {
  dispatch::CallHandler* handler = end();
  if (handler == nullptr) return;
  tell_cancelled();
  handler->on_error(std::move(error));
}

void AsyncCall::tell_cancelled() noexcept {
  std::move_only_function<void() noexcept> callback;
  {
    const std::scoped_lock lock(mutex_);
    cancelled_.store(true, std::memory_order_release);
    callback = std::exchange(on_cancel_, {});
  }
  if (callback) callback();
}

void AsyncCall::forget_callback() noexcept {
  std::move_only_function<void() noexcept> forgotten;
  const std::scoped_lock lock(mutex_);
  // What it captured may end in a destructor of the author's: after the lock.
  forgotten.swap(on_cancel_);
}

void AsyncCall::on_cancel(std::move_only_function<void() noexcept> callback) {
  {
    const std::scoped_lock lock(mutex_);
    if (!is_cancelled()) {
      on_cancel_ = std::move(callback);
      return;
    }
  }
  callback();
}

void abort_all(CallLane& lane, const Error& error) noexcept {
  while (lane.first != nullptr) {
    const auto call = lane.first->shared_from_this();
    call->abort(error);
  }
}

}  // namespace weft::builtins
