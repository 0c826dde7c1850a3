// SPDX-License-Identifier: Apache-2.0
/// Calls a function again and again, the first time one interval after the start. Threads: its shard. close() ends it.
/// Source: control-plane facts 5.5.
#pragma once

#include <chrono>
#include <functional>
#include <utility>

#include "async/deadline.hpp"
#include "async/task_scope.hpp"

namespace weft::lattice {

class Heartbeat {
 public:
  Heartbeat(async::Shard& shard, std::chrono::milliseconds interval, std::function<void()> beat)
      : interval_(interval), beat_(std::move(beat)), tasks_(shard) {}

  void start() { tasks_.spawn("heartbeat", run()); }
  boost::asio::awaitable<void> close() { return tasks_.close(); }

 private:
  async::Task<void> run() {
    for (;;) {
      WEFT_CO_CHECK(co_await async::sleep_for(interval_));
      beat_();
    }
  }

  std::chrono::milliseconds interval_;
  std::function<void()> beat_;
  async::TaskScope tasks_;
};

}  // namespace weft::lattice
