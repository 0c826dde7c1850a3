// SPDX-License-Identifier: Apache-2.0
/// The root of every coroutine: what leaves a task as an exception becomes an Error here, and cancellation arrives as a
/// value (style: section 7, rule 5). For the files of async/; everybody else uses TaskScope. Threads: any.
#pragma once

#include <boost/asio/this_coro.hpp>
#include <exception>
#include <memory>
#include <optional>
#include <utility>

#include "async/task.hpp"

namespace weft::async {

/// resource_exhausted for std::bad_alloc, internal for all else.
Error to_error(const std::exception_ptr& exception);

/// Runs `task` and leaves what it gives in `outcome`. Cancelled before it began, it is not begun.
template <class T>
boost::asio::awaitable<void> settle(Task<T> task, std::shared_ptr<std::optional<Result<T>>> outcome) {
  co_await boost::asio::this_coro::throw_if_cancelled(false);
  const auto state = co_await boost::asio::this_coro::cancellation_state;
  if (state.cancelled() != boost::asio::cancellation_type::none) {
    outcome->emplace(Error(Errc::cancelled, "cancelled before it began"));
    co_return;
  }
  try {
    outcome->emplace(co_await std::move(task));
  } catch (...) {
    outcome->emplace(to_error(std::current_exception()));
  }
}

}  // namespace weft::async
