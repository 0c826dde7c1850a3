// SPDX-License-Identifier: Apache-2.0
/// The way to all shards of a pool at once: some work on each, and a task that waits until every one has done it.
/// Threads: the task on any executor that runs on meanwhile. The pool must not be stopped while the task waits.
#pragma once

#include <atomic>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstddef>
#include <memory>
#include <type_traits>
#include <utility>

#include "async/shard.hpp"
#include "async/task.hpp"

namespace weft::async {

/// Runs `make(index)()` on each shard: what `make` gives belongs to that shard alone.
template <class Make>
// NOLINTNEXTLINE(cppcoreguidelines-avoid-reference-coroutine-parameters): the pool outlives the task
Task<void> run_on_every_shard(ShardPool& shards, Make make) {
  auto initiate = [&shards, &make]<class Handler>(Handler handler) {
    struct Waiting {
      Waiting(std::size_t count, Handler waiter) : left(count), handler(std::move(waiter)) {}
      std::atomic<std::size_t> left;
      Handler handler;
    };
    auto waiting = std::make_shared<Waiting>(shards.size(), std::move(handler));
    for (std::size_t index = 0; index < shards.size(); ++index) {
      shards.at(index).post([waiting, work = make(index)]() mutable noexcept {
        work();
        if (waiting->left.fetch_sub(1, std::memory_order_acq_rel) == 1) {
          auto done = std::move(waiting->handler);
          boost::asio::post(boost::asio::get_associated_executor(done), std::move(done));
        }
      });
    }
  };
  co_await boost::asio::async_initiate<const boost::asio::use_awaitable_t<>, void()>(std::move(initiate),
                                                                                     boost::asio::use_awaitable);
  co_return Result<void>();
}

}  // namespace weft::async
