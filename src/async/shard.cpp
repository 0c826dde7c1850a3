// SPDX-License-Identifier: Apache-2.0
#include "async/shard.hpp"

#include <pthread.h>
#include <sched.h>

#include <cstdio>
#include <exception>
#include <string>

#include "base/assert.hpp"

namespace weft::async {
namespace {

thread_local Shard* current_shard = nullptr;

// The cores this process may run on: a container or taskset may allow fewer than the machine has.
std::size_t count_usable_cores() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (sched_getaffinity(0, sizeof allowed, &allowed) == 0) {
    if (const int count = CPU_COUNT(&allowed); count > 0) {
      return static_cast<std::size_t>(count);
    }
  }
  // More cores than a cpu_set_t holds, or no such call.
  const unsigned count = std::thread::hardware_concurrency();
  return count == 0 ? 1 : count;
}

}  // namespace

Shard::Shard(std::size_t index) : index_(index), guard_(boost::asio::make_work_guard(*io_)) {}

Shard::~Shard() { stop(); }

Shard* Shard::current() noexcept { return current_shard; }

void Shard::start() {
  WEFT_ASSERT(!thread_.joinable());
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), ("shard-" + std::to_string(index_)).c_str());
    current_shard = this;
    run();
  });
}

void Shard::stop() {
  io_->stop();
  if (thread_.joinable()) {
    WEFT_ASSERT(!is_current());
    thread_.join();
  }
}

void Shard::post_turn(std::move_only_function<void() noexcept> work) {
  turns_.push_back(std::move(work));
  if (turns_.size() == 1) {
    wait_for_turn();
  }
}

void Shard::wait_for_turn() {
  // Asio looks at the network once in each round through its queue, and puts what that brings at the queue's end:
  // behind a handler posted before the look. Hence two posts.
  post([this]() noexcept { post([this]() noexcept { take_turn(); }); });
}

void Shard::take_turn() noexcept {
  // It stays in the queue while it runs, so that what it posts itself does not make a second chain of turns.
  turns_.front()();
  turns_.pop_front();
  if (!turns_.empty()) {
    wait_for_turn();
  }
}

void Shard::run() noexcept {
  // Handlers of ours do not throw, but Asio or the standard library below them may. One bad handler must not end the
  // host: it is told and counted, and the loop goes on with the next.
  while (!io_->stopped()) {
    try {
      io_->run();
    } catch (const std::exception& error) {
      failures_.fetch_add(1, std::memory_order_relaxed);
      static_cast<void>(
          std::fprintf(stderr, "weft: shard %zu: an exception reached its root: %s\n", index_, error.what()));
    } catch (...) {
      failures_.fetch_add(1, std::memory_order_relaxed);
      static_cast<void>(std::fprintf(stderr, "weft: shard %zu: an unknown exception reached its root\n", index_));
    }
  }
}

ShardPool::ShardPool(std::size_t count) {
  if (count == 0) {
    count = count_usable_cores();
  }
  shards_.reserve(count);
  for (std::size_t index = 0; index < count; ++index) {
    shards_.push_back(std::make_unique<Shard>(index));
  }
  for (const auto& shard : shards_) {
    shard->start();
  }
}

ShardPool::~ShardPool() { stop(); }

void ShardPool::stop() {
  // All loops are told first, so that the joins below wait for the slowest and not for the sum.
  for (const auto& shard : shards_) {
    shard->io().stop();
  }
  for (const auto& shard : shards_) {
    shard->stop();
  }
}

}  // namespace weft::async
