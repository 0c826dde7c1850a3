// SPDX-License-Identifier: Apache-2.0
#include "bus/shard_queue.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>
#include <stdexcept>
#include <vector>

#include "bus/test_wait.hpp"

namespace weft::bus {
namespace {

using testing_support::eventually;
using testing_support::on_shard;

class ShardQueueTest : public testing::Test {
 protected:
  std::shared_ptr<ShardQueue<int>> make(std::size_t max, QueueFull when_full) {
    return std::make_shared<ShardQueue<int>>(shard_, max, when_full, [this](int item) { got_.push_back(item); });
  }
  /// The shard is started only then, so that the queue fills before.
  std::vector<int> run() {
    shard_.start();
    on_shard(shard_, [] {});
    std::vector<int> all;
    on_shard(shard_, [&] { all = got_; });
    return all;
  }

  async::Shard shard_{0};
  std::vector<int> got_;
};

TEST_F(ShardQueueTest, drops_the_newest_when_it_is_full) {
  const auto queue = make(2, QueueFull::drop_newest);
  EXPECT_EQ(queue->push(1) + queue->push(2), 0U);
  EXPECT_EQ(queue->push(3), 1U);
  EXPECT_EQ(queue->size(), 2U);
  EXPECT_THAT(run(), testing::ElementsAre(1, 2));
}

TEST_F(ShardQueueTest, drops_the_oldest_when_it_is_full) {
  const auto queue = make(2, QueueFull::drop_oldest);
  EXPECT_EQ(queue->push(1) + queue->push(2), 0U);
  EXPECT_EQ(queue->push(3), 1U);
  EXPECT_THAT(run(), testing::ElementsAre(2, 3));
}

TEST_F(ShardQueueTest, counts_what_the_shard_has_taken_and_not_handled) {
  std::size_t dropped = 0;
  std::shared_ptr<ShardQueue<int>> queue;
  queue = std::make_shared<ShardQueue<int>>(shard_, 4, QueueFull::drop_newest, [&](int item) {
    if (item == 1) {
      EXPECT_EQ(queue->size(), 3U);
      dropped = queue->push(5) + queue->push(6);
    }
    got_.push_back(item);
  });
  for (int item = 1; item <= 4; ++item) EXPECT_EQ(queue->push(item), 0U);
  shard_.start();
  EXPECT_TRUE(eventually([&] {
    std::size_t count = 0;
    on_shard(shard_, [&] { count = got_.size(); });
    return count == 5;
  }));
  EXPECT_EQ(dropped, 1U);
  EXPECT_THAT(got_, testing::ElementsAre(1, 2, 3, 4, 5));
}

TEST_F(ShardQueueTest, keeps_the_order_over_many_batches) {
  const auto queue = make(1000, QueueFull::drop_newest);
  std::vector<int> all(1000);
  std::iota(all.begin(), all.end(), 0);
  for (const int item : all) EXPECT_EQ(queue->push(item), 0U);
  shard_.start();
  EXPECT_TRUE(eventually([&] { return queue->size() == 0; }));
  on_shard(shard_, [&] { EXPECT_EQ(got_, all); });
}

TEST_F(ShardQueueTest, handles_nothing_more_of_a_batch_when_its_handler_closes_it) {
  std::shared_ptr<ShardQueue<int>> queue;
  queue = std::make_shared<ShardQueue<int>>(shard_, 10, QueueFull::drop_newest, [&](int item) {
    got_.push_back(item);
    if (item == 2) queue->close();
  });
  shard_.start();
  on_shard(shard_, [&] {
    for (int item = 1; item <= 4; ++item) queue->push(item);
  });
  EXPECT_TRUE(eventually([&] { return queue->size() == 0; }));
  on_shard(shard_, [&] { EXPECT_THAT(got_, testing::ElementsAre(1, 2)); });
}

TEST_F(ShardQueueTest, goes_on_after_a_handler_has_thrown) {
  const auto queue = std::make_shared<ShardQueue<int>>(shard_, 10, QueueFull::drop_newest, [this](int item) {
    if (item == 1) throw std::runtime_error("on purpose");
    got_.push_back(item);
  });
  queue->push(1);
  queue->push(2);
  shard_.start();
  std::size_t count = 0;
  EXPECT_TRUE(eventually([&] {
    on_shard(shard_, [&] { count = got_.size(); });
    return count == 1;
  }));
  EXPECT_EQ(shard_.failures(), 1U);
}

TEST_F(ShardQueueTest, destroys_its_handler_on_the_shard_when_closed) {
  const auto token = std::make_shared<int>(1);
  const auto queue = std::make_shared<ShardQueue<int>>(shard_, 10, QueueFull::drop_newest, [token](int) {});
  shard_.start();
  on_shard(shard_, [&] { queue->close(); });
  EXPECT_EQ(token.use_count(), 1);
  EXPECT_EQ(queue->push(1), 0U);
  EXPECT_EQ(queue->size(), 0U);
}

TEST_F(ShardQueueTest, finishes_after_what_has_arrived) {
  const auto queue = make(10, QueueFull::drop_newest);
  std::vector<int> at_the_end;
  queue->push(1);
  queue->push(2);
  queue->finish([&] { at_the_end = got_; });
  queue->push(3);
  EXPECT_THAT(run(), testing::ElementsAre(1, 2));
  EXPECT_THAT(at_the_end, testing::ElementsAre(1, 2));
}

}  // namespace
}  // namespace weft::bus
