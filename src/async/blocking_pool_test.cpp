// SPDX-License-Identifier: Apache-2.0
#include "async/blocking_pool.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>
#include <semaphore>
#include <stdexcept>
#include <vector>

#include "async/shard_call.hpp"
#include "async/task_scope.hpp"

namespace weft::async {
namespace {

struct Outcome {
  bool on_shard = false;
  bool worked_elsewhere = false;
};

Task<Outcome> look_where(Shard* shard, BlockingPool* pool) {
  WEFT_CO_TRY(const bool elsewhere, co_await pool->run([shard]() -> Result<bool> { return !shard->is_current(); }));
  co_return Outcome{.on_shard = shard->is_current(), .worked_elsewhere = elsewhere};
}

Task<int> throw_in_pool(BlockingPool* pool) {
  co_return co_await pool->run([]() -> Result<int> { throw std::runtime_error("on purpose"); });
}

Task<int> give(BlockingPool* pool, int value) {
  // A move-only result of a move-only work.
  auto held = std::make_unique<int>(value);
  WEFT_CO_TRY(auto answer, co_await pool->run([held = std::move(held)]() mutable -> Result<std::unique_ptr<int>> {
    return std::move(held);
  }));
  co_return *answer;
}

Task<void> wait_in_pool(BlockingPool* pool, std::binary_semaphore* begun,
                        std::shared_ptr<std::counting_semaphore<8>> go_on, std::promise<Errc>* told) {
  const auto outcome = co_await pool->run([begun, go_on]() -> Result<int> {
    begun->release();
    go_on->acquire();
    return 1;
  });
  told->set_value(outcome ? Errc::internal : outcome.error().code());
  co_return Result<void>();
}

class BlockingPoolTest : public testing::Test {
 protected:
  BlockingPoolTest() { shard_.start(); }

  Shard shard_{0};
  std::binary_semaphore begun_{0};
  std::shared_ptr<std::counting_semaphore<8>> go_on_ = std::make_shared<std::counting_semaphore<8>>(0);
};

TEST_F(BlockingPoolTest, works_elsewhere_and_resumes_on_the_shard) {
  BlockingPool pool("test", 2);
  const auto outcome = run_on_shard_and_wait(shard_, look_where(&shard_, &pool));
  ASSERT_TRUE(outcome);
  EXPECT_TRUE(outcome->on_shard);
  EXPECT_TRUE(outcome->worked_elsewhere);
}

TEST_F(BlockingPoolTest, moves_work_and_result) {
  BlockingPool pool("test", 1);
  EXPECT_EQ(*run_on_shard_and_wait(shard_, give(&pool, 42)), 42);
}

TEST_F(BlockingPoolTest, turns_an_exception_into_an_error) {
  BlockingPool pool("test", 1);
  const auto outcome = run_on_shard_and_wait(shard_, throw_in_pool(&pool));
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code(), Errc::internal);
}

TEST_F(BlockingPoolTest, refuses_work_when_its_queue_is_full) {
  BlockingPool pool("test", 1, 1);
  ASSERT_TRUE(pool.post([this]() noexcept {
    begun_.release();
    go_on_->acquire();
  }));
  begun_.acquire();
  EXPECT_TRUE(pool.post([]() noexcept {}));
  EXPECT_FALSE(pool.post([]() noexcept {}));
  const auto outcome = run_on_shard_and_wait(shard_, give(&pool, 1));
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code(), Errc::resource_exhausted);
  go_on_->release();
}

TEST_F(BlockingPoolTest, lets_go_of_a_cancelled_awaiter_while_the_work_runs_on) {
  BlockingPool pool("test", 1);
  std::promise<Errc> told;
  TaskScope scope(shard_);
  scope.spawn("waiter", wait_in_pool(&pool, &begun_, go_on_, &told));
  begun_.acquire();
  scope.close_and_wait();
  EXPECT_EQ(told.get_future().get(), Errc::cancelled);
  go_on_->release();
}

TEST_F(BlockingPoolTest, drops_what_waits_when_it_goes) {
  std::promise<Errc> told;
  TaskScope scope(shard_);
  std::binary_semaphore never(0);  // outlives the pool, whose last job may look at it
  {
    BlockingPool pool("test", 1);
    ASSERT_TRUE(pool.post([this]() noexcept {
      begun_.release();
      go_on_->acquire();
    }));
    begun_.acquire();
    scope.spawn("waiter", wait_in_pool(&pool, &never, go_on_, &told));
    // Behind the waiter, so that the waiter is in the queue by the time this has run.
    std::promise<void> reached;
    shard_.post(
        [&]() noexcept { shard_.post([&]() noexcept { shard_.post([&]() noexcept { reached.set_value(); }); }); });
    reached.get_future().wait();
    // One way or the other: the waiter's work runs before the pool is told to stop, or is dropped.
    go_on_->release(2);
  }
  const Errc code = told.get_future().get();
  EXPECT_TRUE(code == Errc::cancelled || code == Errc::internal);
  scope.close_and_wait();
}

Task<void> add_in_pool(BlockingPool* pool, std::atomic<int>* sum) {
  WEFT_CO_TRY(const int value, co_await pool->run([]() -> Result<int> { return 1; }));
  *sum += value;
  co_return Result<void>();
}

TEST_F(BlockingPoolTest, serves_many_awaiters_that_are_cancelled_meanwhile) {
  BlockingPool pool("test", 3);
  std::atomic<int> sum = 0;
  for (int round = 0; round < 50; ++round) {
    TaskScope scope(shard_);
    for (int i = 0; i < 20; ++i) scope.spawn("add", add_in_pool(&pool, &sum));
    scope.close_and_wait();
  }
  EXPECT_LE(sum, 1000);
}

}  // namespace
}  // namespace weft::async
