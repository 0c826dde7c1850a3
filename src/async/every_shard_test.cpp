// SPDX-License-Identifier: Apache-2.0
#include "async/every_shard.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>

#include "async/shard_call.hpp"

namespace weft::async {
namespace {

TEST(EveryShardTest, each_does_its_own_work_before_the_task_ends) {
  Shard control(100);
  control.start();
  ShardPool pool(3);
  std::array<bool, 3> own_thread{};
  const auto make = [&](std::size_t index) {
    return [&pool, &own_thread, index]() noexcept { own_thread[index] = pool.at(index).is_current(); };
  };
  ASSERT_TRUE(run_on_shard_and_wait(control, run_on_every_shard(pool, make)));
  EXPECT_EQ(own_thread, (std::array<bool, 3>{true, true, true}));
  control.stop();
}

TEST(EveryShardTest, work_owns_what_it_is_made_with) {
  Shard control(100);
  control.start();
  ShardPool pool(2);
  const auto shared = std::make_shared<int>(7);
  const auto make = [shared](std::size_t /*index*/) { return [mine = shared]() mutable noexcept { mine.reset(); }; };
  ASSERT_TRUE(run_on_shard_and_wait(control, run_on_every_shard(pool, make)));
  control.stop();
  pool.stop();
  EXPECT_EQ(shared.use_count(), 2);  // this one and `make`'s
}

}  // namespace
}  // namespace weft::async
