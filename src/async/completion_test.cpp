// SPDX-License-Identifier: Apache-2.0
#include "async/completion.hpp"

#include <gtest/gtest.h>

#include <future>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "async/shard_call.hpp"
#include "async/task_scope.hpp"

namespace weft::async {
namespace {

Task<std::string> wait_for_thread(std::vector<std::jthread>* threads) {
  co_return co_await wait_for_completion<std::string>([threads](Completion<std::string> done) {
    for (int i = 0; i < 3; ++i) {
      threads->emplace_back([done] { done.complete(std::string("told")); });
    }
  });
}

Task<int> complete_at_once() {
  co_return co_await wait_for_completion<int>([](const Completion<int>& done) { done.complete(3); });
}

Task<int> be_abandoned() {
  co_return co_await wait_for_completion<int>([](const Completion<int>&) {});
}

Task<void> keep_waiting(std::promise<Completion<int>>* out, std::promise<Errc>* told) {
  const auto outcome =
      co_await wait_for_completion<int>([out](Completion<int> done) { out->set_value(std::move(done)); });
  told->set_value(outcome ? Errc::internal : outcome.error().code());
  co_return Result<void>();
}

class CompletionTest : public testing::Test {
 protected:
  CompletionTest() { shard_.start(); }
  Shard shard_{0};
};

TEST_F(CompletionTest, resumes_once_whoever_is_first) {
  std::vector<std::jthread> threads;
  EXPECT_EQ(*run_on_shard_and_wait(shard_, wait_for_thread(&threads)), "told");
}

TEST_F(CompletionTest, may_be_completed_at_once) { EXPECT_EQ(*run_on_shard_and_wait(shard_, complete_at_once()), 3); }

TEST_F(CompletionTest, cancels_an_awaiter_that_was_forgotten) {
  const auto outcome = run_on_shard_and_wait(shard_, be_abandoned());
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code(), Errc::cancelled);
}

TEST_F(CompletionTest, comes_too_late_after_a_cancellation) {
  std::promise<Completion<int>> out;
  std::promise<Errc> told;
  TaskScope scope(shard_);
  scope.spawn("waiter", keep_waiting(&out, &told));
  const auto done = out.get_future().get();
  scope.close_and_wait();
  EXPECT_EQ(told.get_future().get(), Errc::cancelled);
  EXPECT_FALSE(done.complete(1));
}

}  // namespace
}  // namespace weft::async
