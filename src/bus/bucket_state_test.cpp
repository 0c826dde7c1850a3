// SPDX-License-Identifier: Apache-2.0
#include "bus/bucket_state.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <string>
#include <vector>

#include "bus/test_wait.hpp"

namespace weft::bus {
namespace {

using testing_support::eventually;
using testing_support::on_shard;

Entry make_entry(const std::string& key, const std::string& value, std::uint64_t revision) {
  return {.key = key, .value = value, .revision = revision};
}

std::string show(const std::deque<BucketEvent>& events) {
  std::string text;
  for (const auto& event : events) text += event.entry ? event.entry->key + event.entry->value + " " : "| ";
  return text;
}

TEST(BucketStateTest, forgets_replaced_entries_but_never_across_the_mark_of_completeness) {
  std::deque<BucketEvent> events;
  events.push_back({make_entry("a", "1", 1)});
  events.push_back({make_entry("b", "1", 2)});
  events.push_back({});
  events.push_back({make_entry("a", "2", 3)});
  events.push_back({make_entry("a", "3", 4)});
  compact(events);
  EXPECT_EQ(show(events), "a1 b1 | a3 ");
}

TEST(BucketStateTest, decides_by_the_entry_that_is_present) {
  const Entry present = make_entry("a", "1", 5);
  const Change put{.key = "a", .value = "2", .expected = {}};
  EXPECT_EQ((*decide(put, &present, 9))->revision, 9U);
  const Change create{.key = "a", .value = "2", .expected = 0};
  EXPECT_EQ(decide(create, &present, 9).error().code(), Errc::conflict);
  EXPECT_TRUE((*decide(create, nullptr, 9)).has_value());
  const Change update{.key = "a", .value = "2", .expected = 4};
  EXPECT_EQ(decide(update, &present, 9).error().code(), Errc::conflict);
  EXPECT_EQ(decide(update, nullptr, 9).error().code(), Errc::conflict);
  const Change erase{.key = "a", .value = {}, .operation = Operation::erase, .expected = {}};
  EXPECT_EQ((*decide(erase, &present, 9))->operation, Operation::erase);
  EXPECT_FALSE((*decide(erase, nullptr, 9)).has_value());
}

class LastValue final : public BucketWatcher {
 public:
  explicit LastValue(std::shared_future<void> go_on) : go_on_(std::move(go_on)) {}
  void on_entry(const Entry& entry) override {
    go_on_.wait();
    ++told_;
    newest_ = entry.value;
  }
  void on_current() override {}
  int told_ = 0;
  std::string newest_;

 private:
  std::shared_future<void> go_on_;
};

TEST(BucketStateTest, tells_a_follower_that_fell_behind_the_newest) {
  async::Shard shard(0);
  shard.start();
  const auto bucket = std::make_shared<BucketState>("test");
  std::promise<void> go_on;
  LastValue watcher(go_on.get_future().share());
  auto subscription = bucket->watch(shard, watcher);
  constexpr int kChanges = 20'000;
  for (int i = 1; i <= kChanges; ++i) {
    ASSERT_TRUE(bucket->change({.key = "a", .value = std::to_string(i), .expected = {}}));
  }
  go_on.set_value();
  bool is_newest = false;
  EXPECT_TRUE(eventually([&] {
    on_shard(shard, [&] { is_newest = watcher.newest_ == std::to_string(kChanges); });
    return is_newest;
  }));
  on_shard(shard, [&] {
    EXPECT_LT(watcher.told_, kChanges);
    subscription.reset();
  });
}

}  // namespace
}  // namespace weft::bus
