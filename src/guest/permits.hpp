// SPDX-License-Identifier: Apache-2.0
/// How many calls of one component may run at once over all shards, and the queue of those that must wait. A call takes
/// a permit when it begins and holds it to its end, whatever the guest waits for meanwhile.
///
/// Ownership: shared by the component's target and by grants on their way to a shard. A Waiter is borrowed until its
/// on_permit() or forget(). Threads: enter() and forget() on the waiter's shard; all else any thread. The way without
/// waiting is one atomic change; the queue has a lock. Order: first come, first served; between shards a grant takes a
/// turn of the loop to arrive.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <mutex>
#include <vector>

#include "async/shard.hpp"

namespace weft::guest {

class Permits : public std::enable_shared_from_this<Permits> {
 public:
  enum class Entry : std::uint8_t {
    taken,
    queued,   ///< on_permit() follows, later, on the shard
    refused,  ///< the queue is full
  };

  class Waiter {
   public:
    /// It has a permit now.
    virtual void on_permit() = 0;

   protected:
    ~Waiter() = default;

   private:
    friend class Permits;
    std::list<Waiter*>::iterator place_;
  };

  /// `limit` 0: none.
  Permits(async::ShardPool& shards, std::uint32_t limit, std::uint32_t max_queued);

  Entry enter(async::Shard& shard, Waiter& waiter);
  /// One that was queued waits no more.
  void forget(async::Shard& shard, Waiter& waiter);
  void leave() noexcept;

  /// More begin at once; fewer as those that run end.
  void set_limit(std::uint32_t limit);
  [[nodiscard]] std::uint32_t limit() const noexcept;
  [[nodiscard]] std::uint32_t running() const noexcept;
  [[nodiscard]] std::uint32_t queued() const noexcept;
  /// False if something still ran or waited at `until`. Blocks; not on a shard.
  bool wait_until_idle(std::chrono::steady_clock::time_point until);

 private:
  bool try_take() noexcept;
  void grant_waiting();
  void granted(std::size_t shard);

  async::ShardPool& shards_;
  const std::uint32_t max_queued_;
  std::atomic<std::uint32_t> limit_;
  std::atomic<std::uint64_t> state_{0};  ///< lower half: running; upper half: waiting
  std::atomic<bool> is_awaited_{false};
  std::mutex mutex_;
  std::condition_variable idle_;
  std::deque<std::size_t> tickets_;          ///< one for each that waits: its shard
  std::vector<std::list<Waiter*>> waiters_;  ///< by shard, each touched there alone
};

}  // namespace weft::guest
