// SPDX-License-Identifier: Apache-2.0
/// What has arrived for one listener and waits for its shard: bounded, in order, handled one at a time on the shard.
/// The shard takes what waits in batches, so that whoever delivers and whoever handles seldom meet at the lock.
///
/// Shared by the listener's Subscription, which closes it, and whoever delivers. Borrows the shard until close().
/// Threads: push(), finish() and size() from any; close() on the shard, or once the shard is stopped; the handler runs
/// on the shard and may close the queue that calls it.
#pragma once

#include <algorithm>
#include <atomic>
#include <boost/asio/post.hpp>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <iterator>
#include <memory>
#include <mutex>
#include <utility>

#include "async/shard.hpp"
#include "base/assert.hpp"

namespace weft::bus {

enum class QueueFull : std::uint8_t {
  drop_newest,
  drop_oldest,
  /// Calls compact(std::deque<Item>&), which forgets what later items replace; then grows for what is left.
  compact,
};

template <class Item>
class ShardQueue : public std::enable_shared_from_this<ShardQueue<Item>> {
 public:
  using Handler = std::move_only_function<void(Item)>;
  /// Told of each item that is dropped, on the thread of whoever pushes, under the queue's lock.
  using Dropped = std::function<void(const Item&)>;

  ShardQueue(async::Shard& shard, std::size_t max, QueueFull when_full, Handler handler, Dropped on_dropped = {})
      : shard_(shard),
        max_(std::max<std::size_t>(max, 1)),
        when_full_(when_full),
        handler_(std::move(handler)),
        on_dropped_(std::move(on_dropped)) {}
  ShardQueue(const ShardQueue&) = delete;
  ShardQueue& operator=(const ShardQueue&) = delete;

  /// How many items were dropped.
  std::size_t push(Item item) {
    const std::lock_guard lock(mutex_);
    if (closed_ || finishing_) {
      return 0;
    }
    std::size_t dropped = 0;
    if (items_.size() + taken_count_.load(std::memory_order_relaxed) >= max_ && !make_room(dropped)) {
      tell_dropped(item);
      return 1;
    }
    items_.push_back(std::move(item));
    schedule();
    return dropped;
  }

  /// Takes nothing new; calls `done` on the shard after what has arrived is handled, or when closed before that.
  void finish(std::move_only_function<void()> done) {
    const std::lock_guard lock(mutex_);
    finishing_ = true;
    finished_.push_back(std::move(done));
    schedule();
  }

  /// Nothing is handled after this.
  void close() {
    WEFT_ASSERT(shard_.is_current() || shard_.io().stopped());
    Handler handler;  // destroyed after the lock is given back
    std::deque<Item> items;
    const auto taken = std::exchange(taken_, {});
    const std::lock_guard lock(mutex_);
    closed_ = true;
    taken_count_.store(0, std::memory_order_relaxed);
    items.swap(items_);
    if (!handling_) {
      handler = std::move(handler_);
    }
    if (!finished_.empty() && !shard_.io().stopped()) {
      schedule();
    }
  }

  [[nodiscard]] std::size_t size() const {
    const std::lock_guard lock(mutex_);
    return items_.size() + taken_count_.load(std::memory_order_relaxed);
  }

 private:
  /// So many items before others on the shard get their turn.
  static constexpr int kBatch = 32;

  bool make_room(std::size_t& dropped) {
    switch (when_full_) {
      case QueueFull::drop_newest:
        return false;
      case QueueFull::drop_oldest:
        tell_dropped(items_.front());
        items_.pop_front();
        dropped = 1;
        return true;
      case QueueFull::compact:
        if constexpr (requires { compact(items_); }) {
          compact(items_);
        }
        max_ = std::max(max_, items_.size() * 2);
        return true;
    }
    return false;
  }

  void tell_dropped(const Item& item) {
    if (on_dropped_) {
      on_dropped_(item);
    }
  }

  void schedule() {
    if (!scheduled_) {
      scheduled_ = true;
      boost::asio::post(shard_.io(), [self = this->shared_from_this()] { self->handle_batch(); });
    }
  }

  void handle_batch() {
    // Also when a handler throws, which the shard's root tells: the queue goes on with the next item.
    struct Rest {
      ShardQueue* queue;
      ~Rest() { queue->end_batch(); }
    };
    const Rest rest{this};
    for (int i = 0; i < kBatch && handle_one(); ++i) {
    }
  }

  bool handle_one() {
    // closed_ changes on this thread only.
    if (closed_ || (taken_.empty() && !take())) {
      return false;
    }
    Item item = std::move(taken_.front());
    taken_.pop_front();
    taken_count_.store(taken_.size(), std::memory_order_relaxed);
    handling_ = true;
    handler_(std::move(item));
    return true;
  }

  /// What is taken cannot be dropped or replaced by what comes later: where that may be, only the next.
  bool take() {
    const std::lock_guard lock(mutex_);
    const bool may_take_more = when_full_ == QueueFull::drop_newest;
    const auto most = may_take_more ? std::size_t{kBatch} : std::size_t{1};
    if (items_.size() <= most) {
      taken_.swap(items_);
    } else {
      const auto end = items_.begin() + static_cast<std::ptrdiff_t>(most);
      std::move(items_.begin(), end, std::back_inserter(taken_));
      items_.erase(items_.begin(), end);
    }
    taken_count_.store(may_take_more ? taken_.size() : 0, std::memory_order_relaxed);
    return !taken_.empty();
  }

  void end_batch() {
    Handler handler;
    std::deque<std::move_only_function<void()>> finished;
    {
      const std::lock_guard lock(mutex_);
      handling_ = false;
      scheduled_ = false;
      if (closed_) {
        handler = std::move(handler_);
      }
      if (!taken_.empty() || !items_.empty()) {
        schedule();
      } else {
        finished.swap(finished_);
      }
    }
    for (auto& done : finished) {
      done();
    }
  }

  async::Shard& shard_;
  mutable std::mutex mutex_;
  std::size_t max_;
  QueueFull when_full_;
  std::deque<Item> items_;
  std::deque<Item> taken_;  ///< the shard's: before all of items_
  std::atomic<std::size_t> taken_count_{0};
  std::deque<std::move_only_function<void()>> finished_;
  Handler handler_;
  Dropped on_dropped_;
  bool scheduled_ = false;
  bool handling_ = false;  ///< the shard's
  bool closed_ = false;
  bool finishing_ = false;
};

}  // namespace weft::bus
