// SPDX-License-Identifier: Apache-2.0
/// Time for tasks: a pause, and a limit. Both end early when the task is cancelled. Threads: the awaiting task's own.
#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <utility>

#include "async/task.hpp"
#include "async/task_root.hpp"

namespace weft::async {

/// Errors: cancelled, also when the task was cancelled before (so that no loop that sleeps runs on). Clean-up that has
/// to pause first awaits this_coro::reset_cancellation_state().
Task<void> sleep_for(std::chrono::nanoseconds duration);

/// What a running limit is made of.
struct Deadline {
  explicit Deadline(const boost::asio::any_io_executor& executor) : timer(executor) {}
  /// After `duration` the signal is emitted.
  static void start(const std::shared_ptr<Deadline>& deadline, std::chrono::nanoseconds duration);

  boost::asio::steady_timer timer;
  boost::asio::cancellation_signal signal;
  bool has_passed = false;
};

/// Runs `task`; after `duration` cancels it and, once it has ended, gives deadline_exceeded. What it gives in spite of
/// the cancellation (a value, another error) is given on.
template <class T>
Task<T> with_deadline(Task<T> task, std::chrono::nanoseconds duration) {
  const auto executor = co_await boost::asio::this_coro::executor;
  const auto deadline = std::make_shared<Deadline>(executor);
  const auto outcome = std::make_shared<std::optional<Result<T>>>();
  // The awaiter's own cancellation goes the same way as the limit's.
  auto slot = (co_await boost::asio::this_coro::cancellation_state).slot();
  if (slot.is_connected()) {
    slot.assign([deadline](boost::asio::cancellation_type type) { deadline->signal.emit(type); });
  }
  Deadline::start(deadline, duration);
  co_await boost::asio::co_spawn(
      executor, settle<T>(std::move(task), outcome),
      boost::asio::bind_cancellation_slot(deadline->signal.slot(), boost::asio::as_tuple(boost::asio::use_awaitable)));
  slot.clear();
  deadline->timer.cancel();
  Result<T> result = std::move(outcome->value());
  if (deadline->has_passed && !result && result.error().code() == Errc::cancelled) {
    co_return Error(Errc::deadline_exceeded, "took longer than allowed");
  }
  co_return result;
}

}  // namespace weft::async
