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

struct Running {
  Running(async::Shard& shard, std::function<async::Task<void>(Life)> run) : run(std::move(run)), scope(shard) {}
  std::function<async::Task<void>(Life)> run;
  bool stopping = false;
  async::TaskScope scope;
};

async::Task<void> run_and_tell(std::shared_ptr<Running> running, Life life) {
  auto result = co_await running->run(life);
  if (result || (running->stopping && result.error().code() == Errc::cancelled)) {
    life.ended();
  } else {
    life.ended(std::move(result).error());
  }
  co_return Result<void>();
}

// A scope must not go before what runs in it has: usually one round of the loop later.
void release_when_empty(const std::shared_ptr<Running>& running, std::chrono::milliseconds after) {
  auto timer = std::make_shared<boost::asio::steady_timer>(running->scope.shard().io(), after);
  auto& borrowed = *timer;
  borrowed.async_wait([timer = std::move(timer), running](const boost::system::error_code&) {
    if (running->scope.size() > 0) release_when_empty(running, std::chrono::milliseconds(20));
  });
}

class TaskNode final : public Node {
 public:
  TaskNode(async::Shard& shard, std::string name, std::function<async::Task<void>(Life)> run)
      : name_(std::move(name)), running_(std::make_shared<Running>(shard, std::move(run))) {}
  ~TaskNode() override {
    if (!started_) return;
    running_->scope.cancel();
    release_when_empty(running_, std::chrono::milliseconds(0));
  }

  void start(Life life) noexcept override {
    started_ = true;
    running_->scope.spawn(name_, run_and_tell(running_, std::move(life)));
  }
  void stop() noexcept override {
    running_->stopping = true;
    running_->scope.cancel();
  }
  void kill() noexcept override { stop(); }

 private:
  std::string name_;
  bool started_ = false;
  std::shared_ptr<Running> running_;  ///< shared with the coroutine, which may outlast a node that was given up
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
