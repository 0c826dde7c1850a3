// SPDX-License-Identifier: Apache-2.0
/// A few threads for calls that block: files, SQLite, synchronous libraries, compilation. Never on a shard.
///
/// Owns its threads. Work waits in a queue of at most `max_queued`; past that run() gives resource_exhausted at once.
/// The destructor finishes what runs and drops what waits (its awaiters see cancelled); destroy a pool before the
/// shards whose tasks wait on it. Threads: any; work of one pool thread runs in the order it was given.
#pragma once

#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include "async/completion.hpp"
#include "async/task.hpp"
#include "async/task_root.hpp"

namespace weft::async {

class BlockingPool {
 public:
  BlockingPool(std::string name, std::size_t threads, std::size_t max_queued = 4096);
  ~BlockingPool();
  BlockingPool(const BlockingPool&) = delete;
  BlockingPool& operator=(const BlockingPool&) = delete;

  /// Runs `work` (returning Result<T>) on a thread of the pool and resumes the awaiter on its own executor. Cancelling
  /// the awaiter lets go of the result; the work itself runs to its end. An exception becomes Errc::internal.
  template <class Work, class Outcome = std::invoke_result_t<Work&>>
  boost::asio::awaitable<Outcome> run(Work work);

  /// Runs `work` without anybody waiting; false when the queue is full.
  bool post(std::move_only_function<void() noexcept> work);

 private:
  struct State;

  class Job {
   public:
    virtual ~Job() = default;
    virtual void run() noexcept = 0;
    /// The pool ends before the job's turn.
    virtual void drop() noexcept = 0;
  };
  class PlainJob;
  template <class Work, class T>
  class AwaitedJob;

  /// The job itself comes back when the queue is full.
  std::unique_ptr<Job> submit(std::unique_ptr<Job> job);
  [[nodiscard]] Error full_error() const;

  std::shared_ptr<State> state_;
};

template <class Work, class T>
class BlockingPool::AwaitedJob final : public Job {
 public:
  AwaitedJob(Work work, Completion<T> done) : work_(std::move(work)), done_(std::move(done)) {}

  void run() noexcept override {
    try {
      done_.complete(work_());
    } catch (...) {
      done_.complete(to_error(std::current_exception()));
    }
  }
  void drop() noexcept override { done_.complete(Error(Errc::cancelled, "the pool of threads was stopped")); }

 private:
  Work work_;
  Completion<T> done_;
};

template <class Work, class Outcome>
boost::asio::awaitable<Outcome> BlockingPool::run(Work work) {
  using T = typename Outcome::value_type;
  const auto begin = [this, &work](const Completion<T>& done) {
    if (submit(std::make_unique<AwaitedJob<Work, T>>(std::move(work), done)) != nullptr) {
      done.complete(full_error());
    }
  };
  co_return co_await wait_for_completion<T>(begin);
}

}  // namespace weft::async
