// SPDX-License-Identifier: Apache-2.0
/// The way from a plain thread (main, a test) into the tasks of a shard: runs one there and waits for what it gives.
#pragma once

#include <boost/asio/co_spawn.hpp>
#include <future>
#include <memory>
#include <optional>
#include <utility>

#include "async/shard.hpp"
#include "async/task.hpp"
#include "async/task_root.hpp"
#include "base/assert.hpp"

namespace weft::async {

/// Any thread but the shard's own, which has to run until the task ends: a task on a stopped shard never does.
template <class T>
Result<T> run_on_shard_and_wait(Shard& shard, Task<T> task) {
  WEFT_ASSERT(!shard.is_current());
  const auto outcome = std::make_shared<std::optional<Result<T>>>();
  // Shared: this thread may go on while the other is still on its way out of set_value().
  const auto ended = std::make_shared<std::promise<void>>();
  boost::asio::co_spawn(shard.io(), settle<T>(std::move(task), outcome),
                        [ended](const std::exception_ptr&) { ended->set_value(); });
  ended->get_future().wait();
  return std::move(outcome->value());
}

}  // namespace weft::async
