// SPDX-License-Identifier: Apache-2.0
/// What has arrived for one listener and waits for its shard: bounded, in order, handled one at a time on the shard.
///
/// Shared by the listener's Subscription, which closes it, and whoever delivers. Borrows the shard until close().
/// Threads: push(), finish() and size() from any; close() on the shard, or once the shard is stopped; the handler runs
/// on the shard and may close the queue that calls it.
#pragma once

#include <algorithm>
#include <boost/asio/post.hpp>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
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

  ShardQueue(async::Shard& shard, std::size_t max, QueueFull when_full, Handler handler)
      : shard_(shard), max_(std::max<std::size_t>(max, 1)), when_full_(when_full), handler_(std::move(handler)) {}
  ShardQueue(const ShardQueue&) = delete;
  ShardQueue& operator=(const ShardQueue&) = delete;

  /// How many items were dropped.
  std::size_t push(Item item) {
    const std::lock_guard lock(mutex_);
    if (closed_ || finishing_) {
      return 0;
    }
    std::size_t dropped = 0;
    if (items_.size() >= max_ && !make_room(dropped)) {
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
    const std::lock_guard lock(mutex_);
    closed_ = true;
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
    return items_.size();
  }

 private:
  /// So many items before others on the shard get their turn.
  static constexpr int kBatch = 32;

  bool make_room(std::size_t& dropped) {
    switch (when_full_) {
      case QueueFull::drop_newest:
        return false;
      case QueueFull::drop_oldest:
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
    std::unique_lock lock(mutex_);
    if (closed_ || items_.empty()) {
      return false;
    }
    Item item = std::move(items_.front());
    items_.pop_front();
    handling_ = true;
    lock.unlock();
    handler_(std::move(item));
    return true;
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
      if (!items_.empty()) {
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
  std::deque<std::move_only_function<void()>> finished_;
  Handler handler_;
  bool scheduled_ = false;
  bool handling_ = false;
  bool closed_ = false;
  bool finishing_ = false;
};

}  // namespace weft::bus
