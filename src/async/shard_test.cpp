// SPDX-License-Identifier: Apache-2.0
#include "async/shard.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace weft::async {
namespace {

TEST(ShardTest, runs_work_on_its_own_thread) {
  Shard shard(3);
  shard.start();
  std::promise<bool> answer;
  shard.post([&]() noexcept { answer.set_value(shard.is_current()); });
  EXPECT_TRUE(answer.get_future().get());
  EXPECT_FALSE(shard.is_current());
  EXPECT_EQ(shard.index(), 3U);
}

TEST(ShardTest, keeps_the_order_of_one_poster) {
  Shard shard(0);
  shard.start();
  std::vector<int> seen;
  std::promise<void> done;
  for (int i = 0; i < 100; ++i) {
    shard.post([&seen, i]() noexcept { seen.push_back(i); });
  }
  shard.post([&]() noexcept { done.set_value(); });
  done.get_future().get();
  ASSERT_EQ(seen.size(), 100U);
  EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
}

TEST(ShardTest, takes_turns_one_at_a_time_with_what_is_ready) {
  Shard shard(0);
  std::vector<std::string> order;
  std::promise<void> done;
  std::function<void(std::string, int)> turn = [&](const std::string& name, int rest) {
    order.push_back(name);
    // What becomes ready during a turn runs before the next turn, whoever's it is.
    shard.post([&]() noexcept { order.emplace_back("-"); });
    if (rest > 0) {
      shard.post_turn([&turn, name, rest]() noexcept { turn(name, rest - 1); });
    } else if (name == "b") {
      shard.post_turn([&]() noexcept { done.set_value(); });
    }
  };
  shard.post([&]() noexcept {
    shard.post_turn([&]() noexcept { turn("a", 2); });
    shard.post_turn([&]() noexcept { turn("b", 2); });
  });
  shard.start();
  done.get_future().wait();
  EXPECT_THAT(order, testing::ElementsAre("a", "-", "b", "-", "a", "-", "b", "-", "a", "-", "b", "-"));
}

TEST(ShardTest, outlives_an_exception_at_its_root) {
  Shard shard(0);
  shard.start();
  boost::asio::post(shard.io(), [] { throw std::runtime_error("on purpose"); });
  std::promise<void> done;
  shard.post([&]() noexcept { done.set_value(); });
  done.get_future().get();
  EXPECT_EQ(shard.failures(), 1U);
}

TEST(ShardTest, destroys_queued_work_unrun) {
  const auto token = std::make_shared<int>(1);
  std::atomic<bool> ran = false;
  {
    Shard shard(0);
    shard.post([token, &ran]() noexcept { ran = true; });
    EXPECT_EQ(token.use_count(), 2);
  }
  EXPECT_FALSE(ran);
  EXPECT_EQ(token.use_count(), 1);
}

TEST(ShardTest, stops_twice) {
  Shard shard(0);
  shard.start();
  shard.stop();
  shard.stop();
}

TEST(ShardPoolTest, has_a_shard_per_usable_core_by_default) {
  ShardPool pool(0);
  EXPECT_GE(pool.size(), 1U);
  EXPECT_LE(pool.size(), std::thread::hardware_concurrency());
}

TEST(ShardPoolTest, shards_can_hop_to_each_other) {
  ShardPool pool(2);
  std::promise<bool> answer;
  pool.at(0).post([&]() noexcept {
    pool.at(1).post([&]() noexcept { answer.set_value(pool.at(1).is_current() && !pool.at(0).is_current()); });
  });
  EXPECT_TRUE(answer.get_future().get());
}

TEST(ShardPoolTest, stops_with_work_in_flight) {
  ShardPool pool(2);
  for (int i = 0; i < 1000; ++i) {
    pool.at(static_cast<std::size_t>(i % 2)).post([]() noexcept {});
  }
  pool.stop();
}

}  // namespace
}  // namespace weft::async
