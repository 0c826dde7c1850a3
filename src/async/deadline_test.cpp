// SPDX-License-Identifier: Apache-2.0
#include "async/deadline.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <future>

#include "async/shard_call.hpp"
#include "async/task_scope.hpp"

namespace weft::async {
namespace {

using namespace std::chrono_literals;

Task<int> sleep_and_give(std::chrono::milliseconds duration, int value) {
  WEFT_CO_CHECK(co_await sleep_for(duration));
  co_return value;
}

Task<int> ignore_cancellation(int value) {
  static_cast<void>(co_await sleep_for(1h));
  co_return value;
}

Task<void> tell_when_cancelled(std::promise<Errc>* told, Task<int> task) {
  const auto outcome = co_await std::move(task);
  told->set_value(outcome ? Errc::internal : outcome.error().code());
  co_return Result<void>();
}

class DeadlineTest : public testing::Test {
 protected:
  DeadlineTest() { shard_.start(); }

  Errc code_after_cancel(Task<int> task) {
    std::promise<Errc> told;
    TaskScope scope(shard_);
    scope.spawn("task", tell_when_cancelled(&told, std::move(task)));
    scope.cancel();
    const Errc code = told.get_future().get();
    scope.close_and_wait();
    return code;
  }

  Shard shard_{0};
};

TEST_F(DeadlineTest, sleeps) { EXPECT_EQ(*run_on_shard_and_wait(shard_, sleep_and_give(1ms, 7)), 7); }

TEST_F(DeadlineTest, gives_the_value_of_a_task_that_is_in_time) {
  EXPECT_EQ(*run_on_shard_and_wait(shard_, with_deadline(sleep_and_give(1ms, 7), 1h)), 7);
}

TEST_F(DeadlineTest, cancels_a_task_that_is_late) {
  const auto outcome = run_on_shard_and_wait(shard_, with_deadline(sleep_and_give(1h, 7), 5ms));
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code(), Errc::deadline_exceeded);
}

TEST_F(DeadlineTest, gives_on_what_a_late_task_gives_in_spite_of_the_limit) {
  EXPECT_EQ(*run_on_shard_and_wait(shard_, with_deadline(ignore_cancellation(9), 5ms)), 9);
}

TEST_F(DeadlineTest, may_be_nested) {
  const auto outcome = run_on_shard_and_wait(shard_, with_deadline(with_deadline(sleep_and_give(1h, 7), 1h), 5ms));
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code(), Errc::deadline_exceeded);
}

TEST_F(DeadlineTest, passes_the_cancellation_of_the_awaiter_on) {
  EXPECT_EQ(code_after_cancel(sleep_and_give(1h, 7)), Errc::cancelled);
  EXPECT_EQ(code_after_cancel(with_deadline(sleep_and_give(1h, 7), 1h)), Errc::cancelled);
}

Task<int> sleep_twice(std::atomic<bool>* second) {
  static_cast<void>(co_await sleep_for(1h));
  const auto outcome = co_await sleep_for(1h);
  *second = true;
  if (!outcome) co_return outcome.error();
  co_return 0;
}

TEST_F(DeadlineTest, does_not_sleep_again_after_a_cancellation) {
  std::atomic<bool> second = false;
  EXPECT_EQ(code_after_cancel(sleep_twice(&second)), Errc::cancelled);
  EXPECT_TRUE(second);
}

}  // namespace
}  // namespace weft::async
