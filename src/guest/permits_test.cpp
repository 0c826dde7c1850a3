// SPDX-License-Identifier: Apache-2.0
#include "guest/permits.hpp"

#include <gtest/gtest.h>

#include <future>
#include <mutex>
#include <vector>

#include "async/on_shard.hpp"

namespace weft::guest {
namespace {

using Entry = Permits::Entry;

class Caller final : public Permits::Waiter {
 public:
  explicit Caller(std::vector<int>* order = nullptr, int name = 0) : order_(order), name_(name) {}
  void on_permit() override {
    if (order_ != nullptr) order_->push_back(name_);
    got_.set_value();
  }
  bool gets_one() { return got_.get_future().wait_for(std::chrono::seconds(10)) == std::future_status::ready; }

 private:
  std::vector<int>* order_;
  int name_;
  std::promise<void> got_;
};

class PermitsTest : public testing::Test {
 protected:
  template <class Work>
  auto on_shard(std::size_t shard, Work work) {
    return async::on_shard(shards.at(shard), work);
  }
  Entry enter(std::size_t shard, Caller& caller) {
    return on_shard(shard, [&] { return permits->enter(shards.at(shard), caller); });
  }
  async::ShardPool shards{2};
  std::shared_ptr<Permits> permits = std::make_shared<Permits>(shards, 2, 3);
};

TEST_F(PermitsTest, so_many_run_so_many_wait_and_the_rest_is_refused) {
  std::vector<Caller> callers(6);
  EXPECT_EQ(enter(0, callers[0]), Entry::taken);
  EXPECT_EQ(enter(1, callers[1]), Entry::taken);
  EXPECT_EQ(enter(0, callers[2]), Entry::queued);
  EXPECT_EQ(enter(1, callers[3]), Entry::queued);
  EXPECT_EQ(enter(0, callers[4]), Entry::queued);
  EXPECT_EQ(enter(0, callers[5]), Entry::refused);
  EXPECT_EQ(permits->running(), 2);
  EXPECT_EQ(permits->queued(), 3);
  permits->leave();
  EXPECT_TRUE(callers[2].gets_one());
  permits->leave();
  EXPECT_TRUE(callers[3].gets_one());
  permits->leave();
  EXPECT_TRUE(callers[4].gets_one());
  EXPECT_EQ(permits->running(), 2);
  permits->leave();
  permits->leave();
  EXPECT_TRUE(permits->wait_until_idle(std::chrono::steady_clock::now() + std::chrono::seconds(10)));
}

TEST_F(PermitsTest, those_of_one_shard_are_served_in_their_order) {
  std::vector<int> order;
  Caller first;
  Caller second;
  ASSERT_EQ(enter(0, first), Entry::taken);
  ASSERT_EQ(enter(0, second), Entry::taken);
  std::vector<Caller> waiting;
  for (int name = 0; name < 3; ++name) waiting.emplace_back(&order, name);
  for (auto& caller : waiting) ASSERT_EQ(enter(0, caller), Entry::queued);
  for (auto& caller : waiting) {
    permits->leave();
    ASSERT_TRUE(caller.gets_one());
  }
  EXPECT_EQ(order, (std::vector{0, 1, 2}));
}

TEST_F(PermitsTest, one_that_gave_up_holds_nobody_up) {
  std::vector<Caller> callers(5);
  for (auto& caller : callers) static_cast<void>(enter(0, caller));
  on_shard(0, [&] {
    permits->forget(shards.at(0), callers[2]);
    permits->forget(shards.at(0), callers[4]);
    return 0;
  });
  EXPECT_EQ(permits->queued(), 1);
  permits->leave();
  EXPECT_TRUE(callers[3].gets_one());
  EXPECT_EQ(permits->queued(), 0);
}

TEST_F(PermitsTest, one_that_gave_up_while_its_permit_was_on_the_way_gives_it_back) {
  std::vector<Caller> callers(3);
  for (auto& caller : callers) static_cast<void>(enter(0, caller));
  on_shard(0, [&] {
    permits->leave();  // the grant is posted behind this
    permits->forget(shards.at(0), callers[2]);
    return 0;
  });
  permits->leave();
  EXPECT_TRUE(permits->wait_until_idle(std::chrono::steady_clock::now() + std::chrono::seconds(10)));
}

TEST_F(PermitsTest, a_higher_limit_lets_those_in_that_wait) {
  std::vector<Caller> callers(5);
  for (auto& caller : callers) static_cast<void>(enter(1, caller));
  permits->set_limit(4);
  EXPECT_TRUE(callers[2].gets_one());
  EXPECT_TRUE(callers[3].gets_one());
  EXPECT_EQ(permits->queued(), 1);
  permits->set_limit(1);
  for (int end = 0; end < 3; ++end) permits->leave();
  EXPECT_EQ(permits->queued(), 1);
  EXPECT_EQ(permits->running(), 1);
  permits->set_limit(0);
  EXPECT_TRUE(callers[4].gets_one());
}

/// Enters and leaves again and again, on its shard.
class Busy final : public Permits::Waiter {
 public:
  Busy(Permits& permits, async::Shard& shard, std::atomic<int>& now, std::atomic<int>& most)
      : permits_(permits), shard_(shard), now_(now), most_(most) {}
  void begin() {
    switch (permits_.enter(shard_, *this)) {
      case Entry::taken:
        return on_permit();
      case Entry::queued:
        return;
      case Entry::refused:
        return shard_.post([this]() noexcept { begin(); });
    }
  }
  void on_permit() override {
    const auto now = ++now_;
    for (auto seen = most_.load(); seen < now && !most_.compare_exchange_weak(seen, now);) {
    }
    shard_.post([this]() noexcept {
      --now_;
      permits_.leave();
      if (++rounds_ == 2000) return done_.set_value();
      begin();
    });
  }
  bool ends() { return done_.get_future().wait_for(std::chrono::seconds(60)) == std::future_status::ready; }

 private:
  Permits& permits_;
  async::Shard& shard_;
  std::atomic<int>& now_;
  std::atomic<int>& most_;
  int rounds_ = 0;
  std::promise<void> done_;
};

TEST_F(PermitsTest, never_more_than_allowed_and_none_is_forgotten) {
  std::atomic<int> now{0};
  std::atomic<int> most{0};
  std::deque<Busy> all;
  for (std::size_t caller = 0; caller < 10; ++caller) all.emplace_back(*permits, shards.at(caller % 2), now, most);
  for (std::size_t caller = 0; caller < 10; ++caller) {
    shards.at(caller % 2).post([busy = &all[caller]]() noexcept { busy->begin(); });
  }
  for (auto& busy : all) ASSERT_TRUE(busy.ends());
  EXPECT_EQ(most, 2);
  EXPECT_TRUE(permits->wait_until_idle(std::chrono::steady_clock::now() + std::chrono::seconds(10)));
}

}  // namespace
}  // namespace weft::guest
