// SPDX-License-Identifier: Apache-2.0
#include "async/throttle.hpp"

#include <gtest/gtest.h>

#include <string>

#include "async/deadline.hpp"
#include "async/shard_call.hpp"
#include "async/task_scope.hpp"

namespace weft::async {
namespace {

using namespace std::chrono_literals;

class ThrottleTest : public testing::Test {
 protected:
  ThrottleTest() { shard.start(); }

  Task<void> work(char name) {
    WEFT_CO_TRY(const auto pass, co_await throttle->enter());
    order += name;
    most = std::max(most, ++inside);
    do {
      WEFT_CO_CHECK(co_await sleep_for(1ms));
    } while (held);
    --inside;
    co_return Result<void>();
  }
  Task<void> let_go() {
    held = false;
    co_return Result<void>();
  }
  static Task<void> close(TaskScope* scope) {
    co_await scope->close();
    co_return Result<void>();
  }
  Task<void> wait_until_done(std::size_t count) {
    while (order.size() < count || inside != 0) WEFT_CO_CHECK(co_await sleep_for(1ms));
    co_return Result<void>();
  }

  Shard shard{0};
  std::shared_ptr<Throttle> throttle = std::make_shared<Throttle>(2);
  std::string order;
  bool held = false;  ///< whoever is inside stays there
  int inside = 0;
  int most = 0;
};

TEST_F(ThrottleTest, lets_as_many_go_on_as_it_may_and_the_others_in_their_order) {
  TaskScope scope(shard);
  for (const char name : std::string("abcdefgh")) scope.spawn("work", work(name));
  ASSERT_TRUE(run_on_shard_and_wait(shard, with_deadline(wait_until_done(8), 10s)));
  EXPECT_EQ(order, "abcdefgh");
  EXPECT_EQ(most, 2);
  ASSERT_TRUE(run_on_shard_and_wait(shard, close(&scope)));
}

TEST_F(ThrottleTest, one_that_is_cancelled_while_it_waits_takes_nobodys_place) {
  TaskScope scope(shard);
  TaskScope cancelled(shard);
  held = true;
  for (const char name : std::string("ab")) scope.spawn("work", work(name));
  for (const char name : std::string("xyz")) cancelled.spawn("work", work(name));
  ASSERT_TRUE(run_on_shard_and_wait(shard, close(&cancelled)));
  ASSERT_TRUE(run_on_shard_and_wait(shard, let_go()));
  for (const char name : std::string("cd")) scope.spawn("work", work(name));
  ASSERT_TRUE(run_on_shard_and_wait(shard, with_deadline(wait_until_done(4), 10s)));
  EXPECT_EQ(order, "abcd");
  EXPECT_EQ(throttle->waiting(), 0U);
  ASSERT_TRUE(run_on_shard_and_wait(shard, close(&scope)));
}

}  // namespace
}  // namespace weft::async
