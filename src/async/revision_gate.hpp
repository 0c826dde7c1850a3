// SPDX-License-Identifier: Apache-2.0
/// Lets a writer wait until its own change has come back through the watch, so that "stored" also means "in the
/// mirror". Threads: its shard.
#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <list>

#include "async/shard.hpp"

namespace weft::async {

class RevisionGate {
 public:
  explicit RevisionGate(Shard& shard) : shard_(shard) {}

  /// The watch has told this revision.
  void seen(std::uint64_t revision) {
    last_seen_ = revision;
    for (auto& waiter : waiters_) {
      if (waiter.revision <= revision) {
        waiter.timer.cancel();
      }
    }
  }

  /// Until `revision` has been seen, or for `timeout`: what is stored stays stored if the watch is slow.
  boost::asio::awaitable<void> wait_for(std::uint64_t revision, std::chrono::milliseconds timeout) {
    if (last_seen_ >= revision) {
      co_return;
    }
    const auto waiter = waiters_.emplace(waiters_.end(), revision, boost::asio::steady_timer(shard_.io(), timeout));
    co_await waiter->timer.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
    waiters_.erase(waiter);
  }

 private:
  struct Waiter {
    std::uint64_t revision;
    boost::asio::steady_timer timer;
  };

  Shard& shard_;
  std::uint64_t last_seen_ = 0;
  std::list<Waiter> waiters_;
};

}  // namespace weft::async
