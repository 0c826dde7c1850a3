// SPDX-License-Identifier: Apache-2.0
/// One core's worth of the host: a thread with its own io_context. Everything mutable belongs to one shard and is
/// touched only there. A ShardPool owns the threads. Work still queued when the pool stops is destroyed unrun. Threads:
/// post() from any thread; everything else on the owner's thread.
#pragma once

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

namespace weft::async {

class Shard {
 public:
  explicit Shard(std::size_t index);
  ~Shard();
  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;

  [[nodiscard]] std::size_t index() const noexcept { return index_; }
  [[nodiscard]] boost::asio::io_context& io() noexcept { return *io_; }
  /// Shared with wakers that threads of the engine hold: one may fire after the pool is gone, and then posts to a
  /// stopped loop that nobody runs.
  [[nodiscard]] std::shared_ptr<boost::asio::io_context> shared_io() const noexcept { return io_; }
  /// The shard whose thread this is; null: it is another's.
  [[nodiscard]] static Shard* current() noexcept;
  /// True on this shard's own thread.
  [[nodiscard]] bool is_current() const noexcept { return thread_.get_id() == std::this_thread::get_id(); }

  /// Runs `work` on the shard, later. Any thread. The work must not throw.
  template <class Work>
  void post(Work&& work) {
    static_assert(std::is_nothrow_invocable_v<std::decay_t<Work>>, "work on a shard is noexcept");
    boost::asio::post(*io_, std::forward<Work>(work));
  }

  /// Runs `work` after all that is ready now, what the network has brought included, and one such work at a time before
  /// that is looked at again: for what has had its turn and wants another, so that any number of them delay the rest by
  /// one turn only. On this shard's thread; the work must not throw.
  void post_turn(std::move_only_function<void() noexcept> work);

  /// Exceptions that reached the root of this shard's thread; zero unless we made a mistake. Any thread.
  [[nodiscard]] std::uint64_t failures() const noexcept { return failures_.load(std::memory_order_relaxed); }

  void start();
  /// Stops the loop and joins the thread. Queued work is not run.
  void stop();

 private:
  void run() noexcept;
  void wait_for_turn();
  void take_turn() noexcept;

  std::size_t index_;
  std::atomic<std::uint64_t> failures_{0};
  std::shared_ptr<boost::asio::io_context> io_ = std::make_shared<boost::asio::io_context>(1);
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> guard_;
  std::deque<std::move_only_function<void() noexcept>> turns_;
  std::thread thread_;
};

/// All shards of one host.
class ShardPool {
 public:
  /// `count` 0 means one per core this process may run on.
  explicit ShardPool(std::size_t count);
  ~ShardPool();
  ShardPool(const ShardPool&) = delete;
  ShardPool& operator=(const ShardPool&) = delete;

  [[nodiscard]] std::size_t size() const noexcept { return shards_.size(); }
  [[nodiscard]] Shard& at(std::size_t index) noexcept { return *shards_[index]; }
  void stop();

 private:
  std::vector<std::unique_ptr<Shard>> shards_;
};

}  // namespace weft::async
