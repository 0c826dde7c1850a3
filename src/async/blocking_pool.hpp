// SPDX-License-Identifier: Apache-2.0
/// A few threads for calls that block: files, SQLite, synchronous libraries, compilation. Never on a shard.
///
/// Owns its threads. Work waits in a queue of at most `max_queued`; past that run() gives resource_exhausted at once.
/// The destructor finishes what runs and drops what waits (its awaiters see cancelled). Threads: any.
#pragma once

#include <boost/asio/associated_executor.hpp>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <type_traits>

#include "async/task.hpp"

namespace weft::async {

class BlockingPool {
 public:
  BlockingPool(std::string name, std::size_t threads, std::size_t max_queued = 4096);
  ~BlockingPool();
  BlockingPool(const BlockingPool&) = delete;
  BlockingPool& operator=(const BlockingPool&) = delete;

  /// Runs `work` (returning Result<T>) on a thread of the pool and resumes the awaiter on its own executor. Cancelling
  /// the awaiter lets go of the result; the work itself runs to its end. An exception becomes Errc::internal.
  template <class Work, class Outcome = std::invoke_result_t<Work>>
  boost::asio::awaitable<Outcome> run(Work work);

  /// Runs `work` without anybody waiting; false when the queue is full.
  bool post(std::move_only_function<void() noexcept> work);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace weft::async
