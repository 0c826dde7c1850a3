// SPDX-License-Identifier: Apache-2.0
#include "guest/permits.hpp"

#include <algorithm>
#include <limits>

namespace weft::guest {
namespace {

constexpr std::uint64_t kOneWaits = 1ULL << 32U;
constexpr std::uint32_t kNoLimit = std::numeric_limits<std::uint32_t>::max();

std::uint32_t running_in(std::uint64_t state) { return static_cast<std::uint32_t>(state); }
std::uint32_t waiting_in(std::uint64_t state) { return static_cast<std::uint32_t>(state >> 32U); }

}  // namespace

Permits::Permits(async::ShardPool& shards, std::uint32_t limit, std::uint32_t max_queued)
    : shards_(shards), max_queued_(max_queued), limit_(limit == 0 ? kNoLimit : limit), waiters_(shards.size()) {}

bool Permits::try_take() noexcept {
  auto state = state_.load();
  while (waiting_in(state) == 0 && running_in(state) < limit_.load()) {
    if (state_.compare_exchange_weak(state, state + 1)) {
      return true;
    }
  }
  return false;
}

Permits::Entry Permits::enter(async::Shard& shard, Waiter& waiter) {
  if (try_take()) {
    return Entry::taken;
  }
  const std::lock_guard lock(mutex_);
  if (tickets_.size() >= max_queued_) {
    // A permit that came free meanwhile is not given up for a queue of no length.
    return try_take() ? Entry::taken : Entry::refused;
  }
  auto& waiters = waiters_[shard.index()];
  waiter.place_ = waiters.insert(waiters.end(), &waiter);
  tickets_.push_back(shard.index());
  // First counted, then looked: who leaves either sees this one waiting, or has left already and is seen here.
  state_.fetch_add(kOneWaits);
  grant_waiting();
  return Entry::queued;
}

void Permits::forget(async::Shard& shard, Waiter& waiter) {
  waiters_[shard.index()].erase(waiter.place_);
  const std::lock_guard lock(mutex_);
  // The shard's tickets are alike. If none is left, a grant for it is on its way and will find nobody.
  const auto last = std::find(tickets_.rbegin(), tickets_.rend(), shard.index());
  if (last != tickets_.rend()) {
    tickets_.erase(std::next(last).base());
    state_.fetch_sub(kOneWaits);
  }
  idle_.notify_all();
}

void Permits::leave() noexcept {
  const auto before = state_.fetch_sub(1);
  if (waiting_in(before) == 0 && !is_awaited_.load()) {
    return;
  }
  const std::lock_guard lock(mutex_);
  grant_waiting();
  idle_.notify_all();
}

/// Under the lock.
void Permits::grant_waiting() {
  while (!tickets_.empty()) {
    auto state = state_.load();
    if (running_in(state) >= limit_.load()) {
      return;
    }
    if (state_.compare_exchange_weak(state, state + 1 - kOneWaits)) {
      const auto shard = tickets_.front();
      tickets_.pop_front();
      shards_.at(shard).post([self = shared_from_this(), shard]() noexcept { self->granted(shard); });
    }
  }
}

void Permits::granted(std::size_t shard) {
  auto& waiters = waiters_[shard];
  if (waiters.empty()) {
    return leave();
  }
  auto* const first = waiters.front();
  waiters.pop_front();
  first->on_permit();
}

void Permits::set_limit(std::uint32_t limit) {
  limit_.store(limit == 0 ? kNoLimit : limit);
  const std::lock_guard lock(mutex_);
  grant_waiting();
}

std::uint32_t Permits::limit() const noexcept {
  const auto limit = limit_.load(std::memory_order_relaxed);
  return limit == kNoLimit ? 0 : limit;
}
std::uint32_t Permits::running() const noexcept { return running_in(state_.load(std::memory_order_relaxed)); }
std::uint32_t Permits::queued() const noexcept { return waiting_in(state_.load(std::memory_order_relaxed)); }

bool Permits::wait_until_idle(std::chrono::steady_clock::time_point until) {
  is_awaited_.store(true);
  std::unique_lock lock(mutex_);
  return idle_.wait_until(lock, until, [this] { return state_.load() == 0; });
}

}  // namespace weft::guest
