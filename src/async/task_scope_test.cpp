// SPDX-License-Identifier: Apache-2.0
#include "async/task_scope.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "async/deadline.hpp"
#include "async/fence_count.hpp"
#include "async/shard_call.hpp"

namespace weft::async {
namespace {

using namespace std::chrono_literals;

Task<void> count(std::atomic<int>* counter) {
  ++*counter;
  co_return Result<void>();
}

Task<void> sleep_until_cancelled(std::promise<void>* begun, std::atomic<int>* ended) {
  if (begun != nullptr) begun->set_value();
  auto outcome = co_await sleep_for(1h);
  ++*ended;
  co_return outcome;
}

Task<void> keep(std::shared_ptr<int> token) {
  static_cast<void>(co_await sleep_for(1h));
  static_cast<void>(token);
  co_return Result<void>();
}

Task<void> give_error() { co_return Error(Errc::io, "no disk"); }

Task<void> throw_error() {
  throw std::runtime_error("on purpose");
  co_return Result<void>();
}

Task<void> close_scope(TaskScope* scope) {
  co_await scope->close();
  co_return Result<void>();
}

Task<void> clean_up(std::atomic<int>* cleaned) {
  static_cast<void>(co_await sleep_for(1h));
  co_await boost::asio::this_coro::reset_cancellation_state();
  if (co_await sleep_for(1ms)) ++*cleaned;
  co_return Result<void>();
}

class TaskScopeTest : public testing::Test {
 protected:
  TaskScopeTest() { shard_.start(); }
  Shard shard_{0};
};

TEST_F(TaskScopeTest, runs_what_is_spawned_from_many_threads) {
  std::atomic<int> counter = 0;
  TaskScope scope(shard_);
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < 4; ++thread) {
      threads.emplace_back([&] {
        for (int i = 0; i < 250; ++i) scope.spawn("count", count(&counter));
      });
    }
  }
  std::promise<void> reached;
  shard_.post([&]() noexcept { shard_.post([&]() noexcept { reached.set_value(); }); });
  reached.get_future().wait();
  scope.close_and_wait();
  EXPECT_EQ(counter, 1000);
}

TEST_F(TaskScopeTest, cancels_and_waits_for_what_runs) {
  std::atomic<int> ended = 0;
  std::promise<void> begun;
  TaskScope scope(shard_);
  for (int i = 0; i < 10; ++i) scope.spawn("sleeper", sleep_until_cancelled(nullptr, &ended));
  scope.spawn("sleeper", sleep_until_cancelled(&begun, &ended));
  begun.get_future().wait();
  scope.close_and_wait();
  EXPECT_EQ(ended, 11);
  EXPECT_EQ(scope.size(), 0U);
}

TEST_F(TaskScopeTest, goes_on_after_a_cancel) {
  std::atomic<int> ended = 0;
  std::atomic<int> counter = 0;
  std::promise<void> begun;
  TaskScope scope(shard_);
  scope.spawn("sleeper", sleep_until_cancelled(&begun, &ended));
  begun.get_future().wait();
  scope.cancel();
  scope.spawn("count", count(&counter));
  while (counter == 0 || ended == 0) std::this_thread::yield();
  scope.close_and_wait();
}

TEST_F(TaskScopeTest, lets_a_cancelled_task_clean_up) {
  std::atomic<int> cleaned = 0;
  std::atomic<int> counter = 0;
  TaskScope scope(shard_);
  scope.spawn("cleaner", clean_up(&cleaned));
  scope.spawn("count", count(&counter));
  while (counter == 0) std::this_thread::yield();
  scope.close_and_wait();
  EXPECT_EQ(cleaned, 1);
}

TEST_F(TaskScopeTest, tells_failures_by_name_and_not_cancellations) {
  const auto before = exceptions_at_fences();
  std::vector<std::string> told;
  std::atomic<int> failures = 0;
  std::atomic<int> ended = 0;
  TaskScope scope(shard_, [&](std::string_view name, const Error& error) {
    told.push_back(std::string(name) + ": " + std::string(to_string(error.code())));
    ++failures;
  });
  scope.spawn("disk", give_error());
  scope.spawn("thrower", throw_error());
  scope.spawn("sleeper", sleep_until_cancelled(nullptr, &ended));
  while (failures != 2) std::this_thread::yield();
  scope.close_and_wait();
  EXPECT_EQ(exceptions_at_fences() - before, 1U) << "only the thrower's is an exception";
  EXPECT_THAT(told, testing::UnorderedElementsAre("disk: io", "thrower: internal"));
  EXPECT_EQ(shard_.failures(), 0U);
}

TEST_F(TaskScopeTest, drops_what_is_spawned_after_close) {
  const auto token = std::make_shared<int>(1);
  TaskScope scope(shard_);
  scope.close_and_wait();
  scope.spawn("late", keep(token));
  scope.close_and_wait();
  EXPECT_EQ(token.use_count(), 1);
}

TEST_F(TaskScopeTest, closes_from_a_task_of_its_shard) {
  std::atomic<int> ended = 0;
  std::promise<void> begun;
  TaskScope scope(shard_);
  scope.spawn("sleeper", sleep_until_cancelled(&begun, &ended));
  begun.get_future().wait();
  ASSERT_TRUE(run_on_shard_and_wait(shard_, close_scope(&scope)));
  EXPECT_EQ(ended, 1);
}

TEST_F(TaskScopeTest, closes_twice_and_from_two_threads) {
  std::atomic<int> ended = 0;
  TaskScope scope(shard_);
  scope.spawn("sleeper", sleep_until_cancelled(nullptr, &ended));
  std::jthread other([&] { scope.close_and_wait(); });
  scope.close_and_wait();
}

TEST(TaskScopeStoppedTest, may_go_after_its_shard_was_stopped) {
  const auto token = std::make_shared<int>(1);
  {
    Shard shard(0);
    shard.start();
    TaskScope scope(shard);
    scope.spawn("keeper", keep(token));
    std::promise<void> reached;
    shard.post([&]() noexcept { shard.post([&]() noexcept { reached.set_value(); }); });
    reached.get_future().wait();
    shard.stop();
  }
  EXPECT_EQ(token.use_count(), 1);
}

TEST(TaskScopeDeathTest, insists_on_being_closed) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        Shard shard(0);
        shard.start();
        std::promise<void> begun;
        std::atomic<int> ended = 0;
        TaskScope scope(shard);
        scope.spawn("sleeper", sleep_until_cancelled(&begun, &ended));
        begun.get_future().wait();
      },
      "is_empty");
}

}  // namespace
}  // namespace weft::async
