// SPDX-License-Identifier: Apache-2.0
/// The only way to start a coroutine: a scope knows what runs, tells failures by name, cancels, and can be waited for.
///
/// Owned by whoever owns the work; borrows its shard, which must outlive it. The destructor insists that the scope is
/// empty: await close() before, or stop the shard first (its queued work is then destroyed unrun). Threads: its shard,
/// but spawn(), cancel() and close_and_wait(), which any thread may call (the last from any but the shard's own).
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "async/shard.hpp"
#include "async/task.hpp"

namespace weft::async {

class TaskScope {
 public:
  /// Told of every task that ends in an error which is not `cancelled`, on the shard.
  using FailureHandler = std::function<void(std::string_view name, const Error& error)>;

  explicit TaskScope(Shard& shard, FailureHandler on_failure = {});
  ~TaskScope();
  TaskScope(const TaskScope&) = delete;
  TaskScope& operator=(const TaskScope&) = delete;

  /// Runs `task` on the shard. After close() began the task is dropped unrun. An exception that leaves the task is told
  /// as Errc::internal.
  void spawn(std::string name, Task<void> task);
  /// Cancels what runs; a task sees Errc::cancelled from what it awaits.
  void cancel();
  /// Refuses new tasks, cancels what runs and waits until nothing does. Not from a task of this scope.
  boost::asio::awaitable<void> close();
  /// The same for a thread that is not the shard.
  void close_and_wait();

  [[nodiscard]] Shard& shard() noexcept;
  /// Tasks that run. Its shard.
  [[nodiscard]] std::size_t size() const noexcept;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace weft::async
