// SPDX-License-Identifier: Apache-2.0
#include "async/shard_call.hpp"

#include <gtest/gtest.h>

#include <new>
#include <stdexcept>
#include <string>

namespace weft::async {
namespace {

Task<std::string> name_the_thread(Shard* shard) { co_return std::string(shard->is_current() ? "shard" : "elsewhere"); }

Task<int> fail() { co_return Error(Errc::not_found, "nothing here"); }

Task<int> throw_error() {
  throw std::runtime_error("on purpose");
  co_return 1;
}

Task<void> throw_bad_alloc() {
  throw std::bad_alloc();
  co_return Result<void>();
}

TEST(ShardCallTest, runs_a_task_on_the_shard_and_gives_its_value) {
  Shard shard(0);
  shard.start();
  const auto where = run_on_shard_and_wait(shard, name_the_thread(&shard));
  ASSERT_TRUE(where);
  EXPECT_EQ(*where, "shard");
}

TEST(ShardCallTest, gives_the_error_of_the_task) {
  Shard shard(0);
  shard.start();
  const auto outcome = run_on_shard_and_wait(shard, fail());
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code(), Errc::not_found);
}

TEST(ShardCallTest, turns_an_exception_into_an_error) {
  Shard shard(0);
  shard.start();
  const auto outcome = run_on_shard_and_wait(shard, throw_error());
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code(), Errc::internal);
  EXPECT_NE(outcome.error().message().find("on purpose"), std::string::npos);
  const auto memory = run_on_shard_and_wait(shard, throw_bad_alloc());
  ASSERT_FALSE(memory);
  EXPECT_EQ(memory.error().code(), Errc::resource_exhausted);
  EXPECT_EQ(shard.failures(), 0U);
}

}  // namespace
}  // namespace weft::async
