// SPDX-License-Identifier: Apache-2.0
#include "supervision/simple_nodes.hpp"

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <string>
#include <utility>

#include "async/task_scope.hpp"

namespace weft::supervision {
namespace {

class FunctionNode final : public Node {
 public:
  FunctionNode(std::function<Result<void>(Life)> start, std::function<void()> stop)
      : start_(std::move(start)), stop_(std::move(stop)) {}
  ~FunctionNode() override { stop_once(); }

  void start(Life life) noexcept override {
    life_ = life;
    auto started = start_(std::move(life));
    if (!started) return life_.ended(std::move(started).error());
    runs_ = true;
    life_.ready();
  }
  void stop() noexcept override {
    stop_once();
    life_.ended();
  }
  void kill() noexcept override { stop(); }

 private:
  void stop_once() noexcept {
    if (std::exchange(runs_, false) && stop_) stop_();
  }

  std::function<Result<void>(Life)> start_;
  std::function<void()> stop_;
  Life life_;
  bool runs_ = false;
};

/// What the coroutine keeps alive. Not its scope, which waits for the coroutine.
struct Job {
  std::function<async::Task<void>(Life)> run;
  bool stopping = false;
};

async::Task<void> run_and_tell(std::shared_ptr<Job> job, Life life) {
  auto result = co_await job->run(life);
  if (result || (job->stopping && result.error().code() == Errc::cancelled)) {
    life.ended();
  } else {
    life.ended(std::move(result).error());
  }
  co_return Result<void>();
}

// A scope must not go before what runs in it has: usually one round of the loop later.
void release_when_empty(const std::shared_ptr<async::TaskScope>& scope, std::chrono::milliseconds after) {
  auto timer = std::make_shared<boost::asio::steady_timer>(scope->shard().io(), after);
  auto& borrowed = *timer;
  borrowed.async_wait([timer = std::move(timer), scope](const boost::system::error_code&) {
    if (scope->size() > 0) release_when_empty(scope, std::chrono::milliseconds(20));
  });
}

class TaskNode final : public Node {
 public:
  TaskNode(async::Shard& shard, std::string name, std::function<async::Task<void>(Life)> run)
      : name_(std::move(name)),
        job_(std::make_shared<Job>(std::move(run))),
        scope_(std::make_shared<async::TaskScope>(shard)) {}
  ~TaskNode() override {
    if (!started_) return;
    scope_->cancel();
    release_when_empty(scope_, std::chrono::milliseconds(0));
  }

  void start(Life life) noexcept override {
    started_ = true;
    scope_->spawn(name_, run_and_tell(job_, std::move(life)));
  }
  void stop() noexcept override {
    job_->stopping = true;
    scope_->cancel();
  }
  void kill() noexcept override { stop(); }

 private:
  std::string name_;
  bool started_ = false;
  std::shared_ptr<Job> job_;                 ///< shared with the coroutine, which may outlast a node that was given up
  std::shared_ptr<async::TaskScope> scope_;  ///< outlives the node until it is empty
};

}  // namespace

std::unique_ptr<Node> make_function_node(std::function<Result<void>(Life life)> start, std::function<void()> stop) {
  return std::make_unique<FunctionNode>(std::move(start), std::move(stop));
}

std::unique_ptr<Node> make_task_node(async::Shard& shard, std::string name,
                                     std::function<async::Task<void>(Life life)> run) {
  return std::make_unique<TaskNode>(shard, std::move(name), std::move(run));
}

}  // namespace weft::supervision
