// SPDX-License-Identifier: Apache-2.0
/// An immutable value that is swapped now and then and read by every shard all the time: a read is one atomic load, and
/// takes a lock only the first time after a swap. (std::atomic<std::shared_ptr> would count references in a cache line
/// that all shards fight for.)
///
/// Ownership: each shard's slot keeps the value it read last, until its next read. Threads: publish() and get() any;
/// read(i) only on shard i. The reference that read() gives lives until the next read() of that shard.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "base/assert.hpp"

namespace weft::builtins {

template <class T>
class Published {
 public:
  Published(std::size_t shards, std::shared_ptr<const T> first) : current_(std::move(first)), slots_(shards) {
    WEFT_ASSERT(current_ != nullptr);
  }

  void publish(std::shared_ptr<const T> next) {
    WEFT_ASSERT(next != nullptr);
    {
      const std::scoped_lock lock(mutex_);
      current_.swap(next);
      version_.fetch_add(1, std::memory_order_release);
    }
    // The old value, now in `next`, is destroyed outside the lock.
  }

  [[nodiscard]] std::shared_ptr<const T> get() const {
    const std::scoped_lock lock(mutex_);
    return current_;
  }

  [[nodiscard]] const std::shared_ptr<const T>& read(std::size_t shard) {
    WEFT_ASSERT(shard < slots_.size());
    Slot& slot = slots_[shard];
    if (slot.version != version_.load(std::memory_order_acquire)) {
      refresh(slot);
    }
    return slot.value;
  }

 private:
  struct alignas(64) Slot {
    std::uint64_t version = 0;
    std::shared_ptr<const T> value;
  };

  void refresh(Slot& slot) {
    std::shared_ptr<const T> value;
    {
      const std::scoped_lock lock(mutex_);
      value = current_;
      slot.version = version_.load(std::memory_order_relaxed);
    }
    slot.value.swap(value);
  }

  std::atomic<std::uint64_t> version_{1};
  mutable std::mutex mutex_;
  std::shared_ptr<const T> current_;
  std::vector<Slot> slots_;
};

}  // namespace weft::builtins
