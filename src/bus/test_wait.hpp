// SPDX-License-Identifier: Apache-2.0
/// For tests: waiting for conditions, and collecting on a shard what a test looks at on its own thread. Threads: any.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "async/on_shard.hpp"
#include "async/shard.hpp"
#include "base/eventually.hpp"

namespace weft::bus::testing_support {

inline constexpr std::chrono::seconds kPatience{20};

using async::on_shard;
using weft::testing_support::eventually;

/// A list that one thread fills and another waits on.
template <class T>
class Collected {
 public:
  void add(T item) {
    const std::lock_guard lock(mutex_);
    items_.push_back(std::move(item));
    changed_.notify_all();
  }
  /// All there are, once there are `count`; fewer after the deadline.
  std::vector<T> wait_for(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, kPatience, [&] { return items_.size() >= count; });
    return items_;
  }
  std::vector<T> now() {
    const std::lock_guard lock(mutex_);
    return items_;
  }
  std::size_t size() {
    const std::lock_guard lock(mutex_);
    return items_.size();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<T> items_;
};

}  // namespace weft::bus::testing_support
