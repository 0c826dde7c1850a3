// SPDX-License-Identifier: Apache-2.0
/// What every KeyValue must do. Include it in one file of a test program and instantiate:
///
///   INSTANTIATE_TEST_SUITE_P(Memory, KeyValueSuite, testing::Values(KeyValueCase{"memory", make}), name_of_store);
///
/// Assumes no particular revisions but that they grow, and none of the markers of a store that keeps none.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "async/shard_call.hpp"
#include "async/task_scope.hpp"
#include "bus/key_value.hpp"
#include "bus/test_wait.hpp"

namespace weft::bus {

/// A store with no buckets yet, and what it needs to run. Destroyed after all buckets and subscriptions.
class KeyValueUnderTest {
 public:
  virtual ~KeyValueUnderTest() = default;
  virtual async::Task<std::shared_ptr<KeyValue>> open_bucket(std::string name) = 0;
};

struct KeyValueCase {
  std::string name;
  std::function<std::unique_ptr<KeyValueUnderTest>(async::Shard& shard)> make;
};

inline std::string name_of_store(const testing::TestParamInfo<KeyValueCase>& info) { return info.param.name; }
inline void PrintTo(const KeyValueCase& value, std::ostream* out) { *out << value.name; }

/// Writes down what a watcher hears.
class RecordingWatcher final : public BucketWatcher {
 public:
  void on_entry(const Entry& entry) override {
    const std::lock_guard lock(mutex_);
    entries_.push_back(entry);
    if (entry.operation == Operation::put) {
      present_[entry.key] = entry.value;
    } else {
      present_.erase(entry.key);
    }
  }
  void on_current() override {
    const std::lock_guard lock(mutex_);
    ++current_;
    at_current_ = present_;
  }
  int current() const {
    const std::lock_guard lock(mutex_);
    return current_;
  }
  std::map<std::string, std::string> present() const {
    const std::lock_guard lock(mutex_);
    return present_;
  }
  std::map<std::string, std::string> at_current() const {
    const std::lock_guard lock(mutex_);
    return at_current_;
  }
  std::vector<Entry> entries() const {
    const std::lock_guard lock(mutex_);
    return entries_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<Entry> entries_;
  std::map<std::string, std::string> present_;
  std::map<std::string, std::string> at_current_;
  int current_ = 0;
};

class KeyValueSuite : public testing::TestWithParam<KeyValueCase> {
 protected:
  void SetUp() override {
    shard_.start();
    store_ = GetParam().make(shard_);
    ASSERT_NE(store_, nullptr);
    bucket_ = open("weft_suite");
    ASSERT_NE(bucket_, nullptr);
  }
  void TearDown() override {
    testing_support::on_shard(shard_, [this] { subscriptions_.clear(); });
    bucket_.reset();
    store_.reset();
    EXPECT_EQ(shard_.failures(), 0U);
    shard_.stop();
  }

  template <class T>
  Result<T> wait(async::Task<T> task) {
    return async::run_on_shard_and_wait(shard_, std::move(task));
  }
  std::shared_ptr<KeyValue> open(const std::string& name) {
    auto bucket = wait(store_->open_bucket(name));
    EXPECT_TRUE(bucket) << bucket.error().to_string();
    return bucket ? *std::move(bucket) : nullptr;
  }
  std::uint64_t put(const std::string& key, const std::string& value) {
    const auto revision = wait(bucket_->put(key, value));
    EXPECT_TRUE(revision) << revision.error().to_string();
    return revision ? *revision : 0;
  }
  std::string get(const std::string& key) {
    const auto entry = wait(bucket_->get(key));
    EXPECT_TRUE(entry) << entry.error().to_string();
    return entry && *entry ? (*entry)->value : "(none)";
  }
  template <class T>
  static Errc code(const Result<T>& outcome) {
    EXPECT_FALSE(outcome);
    return outcome ? Errc::internal : outcome.error().code();
  }
  void watch(RecordingWatcher& watcher) {
    auto subscription = bucket_->watch(shard_, watcher);
    ASSERT_TRUE(subscription) << subscription.error().to_string();
    subscriptions_.push_back(*std::move(subscription));
    ASSERT_TRUE(testing_support::eventually([&] { return watcher.current() > 0; }));
  }

  async::Shard shard_{0};
  std::unique_ptr<KeyValueUnderTest> store_;
  std::shared_ptr<KeyValue> bucket_;
  std::vector<std::unique_ptr<Subscription>> subscriptions_;
};

using Present = std::map<std::string, std::string>;

TEST_P(KeyValueSuite, has_nothing_at_first) {
  EXPECT_EQ(bucket_->name(), "weft_suite");
  EXPECT_EQ(get("absent"), "(none)");
  EXPECT_TRUE(wait(bucket_->list())->empty());
}

TEST_P(KeyValueSuite, gives_back_the_very_bytes_that_were_put) {
  const std::string bytes("zero \0 and \xff\xfe\n", 14);
  const auto revision = put("COMPONENT_a/b=c.d-e", bytes);
  const auto entry = wait(bucket_->get("COMPONENT_a/b=c.d-e"));
  ASSERT_TRUE(entry && *entry);
  EXPECT_EQ((*entry)->key, "COMPONENT_a/b=c.d-e");
  EXPECT_EQ((*entry)->value, bytes);
  EXPECT_EQ((*entry)->revision, revision);
  EXPECT_EQ((*entry)->operation, Operation::put);
  put("empty", "");
  EXPECT_EQ(get("empty"), "");
}

TEST_P(KeyValueSuite, counts_every_change_of_the_bucket) {
  const auto first = put("a", "1");
  const auto second = put("b", "1");
  const auto third = put("a", "2");
  EXPECT_GT(first, 0U);
  EXPECT_GT(second, first);
  EXPECT_GT(third, second);
  EXPECT_EQ(get("a"), "2");
}

TEST_P(KeyValueSuite, lists_what_is_present_by_key) {
  put("b", "2");
  put("c", "3");
  put("a", "1");
  put("a", "4");
  ASSERT_TRUE(wait(bucket_->erase("c")));
  const auto entries = wait(bucket_->list());
  ASSERT_TRUE(entries);
  ASSERT_EQ(entries->size(), 2U);
  EXPECT_EQ((*entries)[0].key + (*entries)[0].value, "a4");
  EXPECT_EQ((*entries)[1].key + (*entries)[1].value, "b2");
  const auto keys = wait(bucket_->keys());
  ASSERT_TRUE(keys);
  EXPECT_EQ(*keys, (std::vector<std::string>{"a", "b"}));
}

TEST_P(KeyValueSuite, erases_and_purges) {
  put("a", "1");
  put("b", "1");
  ASSERT_TRUE(wait(bucket_->erase("a")));
  ASSERT_TRUE(wait(bucket_->purge("b")));
  EXPECT_EQ(get("a"), "(none)");
  EXPECT_EQ(get("b"), "(none)");
  EXPECT_TRUE(wait(bucket_->erase("a")));
  EXPECT_TRUE(wait(bucket_->erase("never")));
  EXPECT_TRUE(wait(bucket_->purge("never")));
  put("a", "2");
  EXPECT_EQ(get("a"), "2");
}

TEST_P(KeyValueSuite, creates_only_what_is_absent) {
  ASSERT_TRUE(wait(bucket_->create("a", "1")));
  EXPECT_EQ(code(wait(bucket_->create("a", "2"))), Errc::conflict);
  EXPECT_EQ(get("a"), "1");
  ASSERT_TRUE(wait(bucket_->erase("a")));
  EXPECT_TRUE(wait(bucket_->create("a", "3")));
  ASSERT_TRUE(wait(bucket_->purge("a")));
  EXPECT_TRUE(wait(bucket_->create("a", "4")));
  EXPECT_EQ(get("a"), "4");
}

TEST_P(KeyValueSuite, updates_only_the_revision_that_is_expected) {
  const auto first = put("a", "1");
  put("other", "x");
  const auto second = wait(bucket_->update("a", "2", first));
  ASSERT_TRUE(second) << second.error().to_string();
  EXPECT_GT(*second, first);
  EXPECT_EQ(code(wait(bucket_->update("a", "3", first))), Errc::conflict);
  EXPECT_EQ(code(wait(bucket_->update("a", "3", *second + 100))), Errc::conflict);
  EXPECT_EQ(get("a"), "2");
  EXPECT_EQ(code(wait(bucket_->update("never", "3", *second))), Errc::conflict);
}

TEST_P(KeyValueSuite, refuses_keys_that_are_none) {
  for (const std::string key : {"", ".a", "a.", "a b", "a*", ">", "ä", "a\n"}) {
    EXPECT_EQ(code(wait(bucket_->put(key, "x"))), Errc::invalid_argument) << key;
    EXPECT_EQ(code(wait(bucket_->get(key))), Errc::invalid_argument) << key;
    EXPECT_EQ(code(wait(bucket_->erase(key))), Errc::invalid_argument) << key;
    EXPECT_EQ(code(wait(bucket_->create(key, "x"))), Errc::invalid_argument) << key;
  }
}

TEST_P(KeyValueSuite, keeps_a_large_value_and_refuses_one_too_large) {
  const std::string large(kMaxValueBytes / 2, 'x');
  put("large", large);
  EXPECT_EQ(get("large"), large);
  EXPECT_EQ(code(wait(bucket_->put("larger", std::string(kMaxValueBytes + 1, 'x')))), Errc::resource_exhausted);
  EXPECT_EQ(get("larger"), "(none)");
}

TEST_P(KeyValueSuite, opens_one_bucket_of_a_name_and_keeps_buckets_apart) {
  const auto same = open("weft_suite");
  const auto other = open("weft_other");
  ASSERT_TRUE(same && other);
  put("a", "1");
  const auto seen = wait(same->get("a"));
  ASSERT_TRUE(seen && *seen);
  EXPECT_EQ((*seen)->value, "1");
  const auto unseen = wait(other->get("a"));
  ASSERT_TRUE(unseen);
  EXPECT_FALSE(unseen->has_value());
}

TEST_P(KeyValueSuite, tells_a_watcher_what_is_there_and_then_what_changes) {
  put("a", "1");
  put("b", "2");
  RecordingWatcher watcher;
  watch(watcher);
  EXPECT_EQ(watcher.at_current(), (Present{{"a", "1"}, {"b", "2"}}));
  put("c", "3");
  put("a", "4");
  ASSERT_TRUE(wait(bucket_->erase("b")));
  EXPECT_TRUE(testing_support::eventually([&] { return watcher.present() == Present{{"a", "4"}, {"c", "3"}}; }));
  ASSERT_TRUE(wait(bucket_->purge("c")));
  EXPECT_TRUE(testing_support::eventually([&] { return watcher.present() == Present{{"a", "4"}}; }));
  EXPECT_EQ(watcher.entries().back().operation, Operation::purge);
}

TEST_P(KeyValueSuite, tells_a_watcher_at_once_that_a_bucket_is_empty) {
  RecordingWatcher watcher;
  watch(watcher);
  EXPECT_EQ(watcher.at_current(), Present{});
}

TEST_P(KeyValueSuite, tells_a_watcher_changes_in_order) {
  RecordingWatcher watcher;
  watch(watcher);
  for (int i = 0; i < 100; ++i) put("a", std::to_string(i));
  ASSERT_TRUE(testing_support::eventually([&] { return watcher.present() == Present{{"a", "99"}}; }));
  // A store may pass over a value that was replaced before it was told.
  const auto entries = watcher.entries();
  for (std::size_t i = 1; i < entries.size(); ++i) {
    EXPECT_GT(std::stoi(entries[i].value), std::stoi(entries[i - 1].value));
    EXPECT_GT(entries[i].revision, entries[i - 1].revision);
  }
}

TEST_P(KeyValueSuite, tells_every_watcher_and_none_that_is_gone) {
  RecordingWatcher gone;
  RecordingWatcher stays;
  watch(gone);
  watch(stays);
  testing_support::on_shard(shard_, [this] { subscriptions_.erase(subscriptions_.begin()); });
  put("a", "1");
  EXPECT_TRUE(testing_support::eventually([&] { return stays.present() == Present{{"a", "1"}}; }));
  EXPECT_TRUE(gone.present().empty());
}

inline async::Task<void> put_and_count(std::shared_ptr<KeyValue> bucket, int number, std::atomic<int>* done) {
  const std::string text = std::to_string(number);
  WEFT_CO_TRY(const auto revision, co_await bucket->put("key." + text, text));
  if (revision > 0) ++*done;
  co_return Result<void>();
}

TEST_P(KeyValueSuite, stores_a_thousand_puts_at_once) {
  std::atomic<int> done = 0;
  async::TaskScope scope(shard_);
  for (int i = 0; i < 1000; ++i) scope.spawn("put", put_and_count(bucket_, i, &done));
  EXPECT_TRUE(testing_support::eventually([&] { return done == 1000; })) << done;
  scope.close_and_wait();
  const auto entries = wait(bucket_->list());
  ASSERT_TRUE(entries);
  EXPECT_EQ(entries->size(), 1000U);
}

inline async::Task<void> create_and_count(std::shared_ptr<KeyValue> bucket, std::atomic<int>* won,
                                          std::atomic<int>* lost) {
  const auto outcome = co_await bucket->create("prize", "x");
  ++*(outcome ? won : lost);
  if (!outcome && outcome.error().code() != Errc::conflict) co_return outcome.error();
  co_return Result<void>();
}

TEST_P(KeyValueSuite, lets_one_of_many_creators_win) {
  std::atomic<int> won = 0;
  std::atomic<int> lost = 0;
  std::atomic<int> failed = 0;
  async::TaskScope scope(shard_, [&](std::string_view, const Error&) { ++failed; });
  for (int i = 0; i < 50; ++i) scope.spawn("create", create_and_count(bucket_, &won, &lost));
  EXPECT_TRUE(testing_support::eventually([&] { return won + lost == 50; }));
  scope.close_and_wait();
  EXPECT_EQ(won, 1);
  EXPECT_EQ(failed, 0);
}

}  // namespace weft::bus
