// SPDX-License-Identifier: Apache-2.0
#include "async/blocking_pool.hpp"

#include <pthread.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "base/assert.hpp"

namespace weft::async {

struct BlockingPool::State {
  void work_until_stopped() noexcept {
    std::unique_lock lock(mutex);
    while (true) {
      changed.wait(lock, [this] { return stopping || !queue.empty(); });
      if (stopping) {
        return;
      }
      auto job = std::move(queue.front());
      queue.pop_front();
      lock.unlock();
      job->run();
      job.reset();
      lock.lock();
    }
  }

  std::string name;
  std::size_t max_queued = 0;
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<std::unique_ptr<Job>> queue;
  bool stopping = false;
  std::vector<std::thread> threads;
};

class BlockingPool::PlainJob final : public Job {
 public:
  explicit PlainJob(std::move_only_function<void() noexcept> work) : work_(std::move(work)) {}
  void run() noexcept override { work_(); }
  void drop() noexcept override {}

 private:
  std::move_only_function<void() noexcept> work_;
};

BlockingPool::BlockingPool(std::string name, std::size_t threads, std::size_t max_queued)
    : state_(std::make_shared<State>()) {
  WEFT_ASSERT(threads > 0);
  state_->name = std::move(name);
  state_->max_queued = max_queued;
  for (std::size_t index = 0; index < threads; ++index) {
    state_->threads.emplace_back([state = state_.get()] {
      // Linux keeps fifteen bytes of a thread's name.
      pthread_setname_np(pthread_self(), state->name.substr(0, 15).c_str());
      state->work_until_stopped();
    });
  }
}

BlockingPool::~BlockingPool() {
  std::deque<std::unique_ptr<Job>> dropped;
  {
    const std::lock_guard lock(state_->mutex);
    state_->stopping = true;
    dropped.swap(state_->queue);
  }
  state_->changed.notify_all();
  for (auto& thread : state_->threads) {
    thread.join();
  }
  for (const auto& job : dropped) {
    job->drop();
  }
}

bool BlockingPool::post(std::move_only_function<void() noexcept> work) {
  return submit(std::make_unique<PlainJob>(std::move(work))) == nullptr;
}

std::unique_ptr<BlockingPool::Job> BlockingPool::submit(std::unique_ptr<Job> job) {
  {
    const std::lock_guard lock(state_->mutex);
    if (state_->stopping || state_->queue.size() >= state_->max_queued) {
      return job;
    }
    state_->queue.push_back(std::move(job));
  }
  state_->changed.notify_one();
  return nullptr;
}

Error BlockingPool::full_error() const {
  return {Errc::resource_exhausted, "the queue of the threads '" + state_->name + "' is full (" +
                                        std::to_string(state_->max_queued) + " waiting)"};
}

}  // namespace weft::async
