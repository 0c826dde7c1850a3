// SPDX-License-Identifier: Apache-2.0
/// A place of the supervision tree whose start and stop are tasks.
///
/// The node is ready when its start task is done, and has ended when its stop task is; a stop that comes while it
/// starts waits for the start. Ownership: by the tree; the tasks run in the scope that is lent, which outlives the
/// tree, and keep what they need of the node alive. Threads: the control shard.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "async/completion.hpp"
#include "async/task_scope.hpp"
#include "supervision/tree.hpp"

namespace weft::host {

class TaskNode final : public supervision::Node {
 public:
  using Work = std::function<async::Task<void>()>;

  TaskNode(async::TaskScope& tasks, std::string name, Work start, Work stop)
      : state_(std::make_shared<State>(tasks, std::move(name), std::move(start), std::move(stop))) {}

  void start(supervision::Life life) noexcept override {
    state_->life = std::move(life);
    state_->tasks.spawn("start " + state_->name, run_start(state_));
  }
  void stop() noexcept override {
    state_->stopping = true;
    if (state_->started) {
      state_->tasks.spawn("stop " + state_->name, run_stop(state_));
    }
  }
  void kill() noexcept override {}

 private:
  struct State {
    State(async::TaskScope& scope, std::string node, Work begin, Work end)
        : tasks(scope), name(std::move(node)), start(std::move(begin)), stop(std::move(end)) {}
    async::TaskScope& tasks;
    std::string name;
    Work start;
    Work stop;
    supervision::Life life;
    bool started = false;
    bool stopping = false;
  };

  static async::Task<void> run_start(std::shared_ptr<State> state) {
    const auto begun = co_await state->start();
    if (!begun) {
      state->life.ended(begun.error());
      co_return Result<void>();  // the tree has been told
    }
    state->started = true;
    if (state->stopping) {
      co_return co_await run_stop(state);
    }
    state->life.ready();
    co_return Result<void>();
  }

  static async::Task<void> run_stop(std::shared_ptr<State> state) {
    const auto ended = co_await state->stop();
    ended ? state->life.ended() : state->life.ended(ended.error());
    co_return Result<void>();
  }

  std::shared_ptr<State> state_;
};

/// Waits for a function of the tree that takes a Done.
template <class Begin>
async::Task<void> told(Begin begin) {
  co_return co_await async::wait_for_completion<void>([&begin](const async::Completion<void>& done) {
    const auto begun = begin([done](Result<void> result) { (void)done.complete(std::move(result)); });
    if (!begun) {
      (void)done.complete(begun.error());
    }
  });
}

}  // namespace weft::host
