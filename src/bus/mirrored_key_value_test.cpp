// SPDX-License-Identifier: Apache-2.0
#include "bus/mirrored_key_value.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "async/shard_call.hpp"
#include "bus/memory_key_value.hpp"
#include "bus/test_wait.hpp"

namespace weft::bus {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing_support::Collected;
using testing_support::eventually;

/// Writes down what it is told.
class Watcher final : public BucketWatcher {
 public:
  void on_entry(const Entry& entry) override {
    told.add(entry.operation == Operation::put ? entry.key + "=" + entry.value : "-" + entry.key);
  }
  void on_current() override { told.add("current"); }
  Collected<std::string> told;
};

/// A server's bucket that comes and goes, and what one host keeps of it.
class MirroredKeyValueTest : public testing::Test {
 protected:
  MirroredKeyValueTest() { shard_.start(); }
  ~MirroredKeyValueTest() override {
    close();
    shard_.stop();
  }

  template <class T>
  Result<T> run(async::Task<T> task) {
    return async::run_on_shard_and_wait(shard_, std::move(task));
  }
  static async::Task<std::shared_ptr<KeyValue>> give(std::shared_ptr<KeyValue> bucket, bool works) {
    if (!works) {
      co_return Error(Errc::unavailable, "JetStream does not answer");
    }
    co_return bucket;
  }
  Result<std::shared_ptr<MirroredKeyValue>> try_open(FirstConnect first = FirstConnect::wait_for_server) {
    MirrorSource source{.is_there = [this] { return there_.load(); },
                        .open = [this] { return give(server_, works_.load()); }};
    return run(
        MirroredKeyValue::open(shard_, std::move(source), kept_, {.first_connect = first, .patience = 10s, .log = {}}));
  }
  void open() {
    auto opened = try_open();
    ASSERT_TRUE(opened) << opened.error().to_string();
    bucket_ = *std::move(opened);
    testing_support::on_shard(shard_, [this] { subscription_ = *bucket_->watch(shard_, watcher_); });
  }
  void close() {
    testing_support::on_shard(shard_, [this] { subscription_.reset(); });
    if (bucket_) {
      (void)run(end(bucket_));
      bucket_.reset();
    }
  }
  static async::Task<void> end(std::shared_ptr<MirroredKeyValue> bucket) {
    co_await bucket->close();
    co_return Result<void>();
  }
  void put(KeyValue& bucket, const std::string& key, const std::string& value) {
    ASSERT_TRUE(run(bucket.put(key, value)));
  }
  std::string kept(const std::string& key) {
    const auto entry = run(kept_->get(key));
    return entry && *entry ? (*entry)->value : "nothing";
  }

  async::Shard shard_{0};
  std::atomic<bool> there_{true};
  std::atomic<bool> works_{true};
  std::shared_ptr<MemoryKeyValue> server_ = std::make_shared<MemoryKeyValue>("LATTICEDATA_test");
  std::shared_ptr<MemoryKeyValue> kept_ = std::make_shared<MemoryKeyValue>("mirror_LATTICEDATA_test");
  Watcher watcher_;
  std::shared_ptr<MirroredKeyValue> bucket_;
  std::unique_ptr<Subscription> subscription_;
};

TEST_F(MirroredKeyValueTest, keeps_what_the_server_tells) {
  put(*server_, "a", "1");
  open();
  EXPECT_THAT(watcher_.told.wait_for(3), ElementsAre("a=1", "current", "current"));
  put(*bucket_, "b", "2");
  EXPECT_EQ(watcher_.told.wait_for(4).back(), "b=2");
  EXPECT_TRUE(eventually([&] { return kept("a") == "1" && kept("b") == "2"; }));
  EXPECT_EQ(run(server_->get("b"))->value().value, "2") << "a write is the server's";
  ASSERT_TRUE(run(bucket_->purge("a")));
  EXPECT_EQ(watcher_.told.wait_for(5).back(), "-a");
  EXPECT_TRUE(eventually([&] { return kept("a") == "nothing"; }));
}

TEST_F(MirroredKeyValueTest, tells_what_is_kept_when_the_server_is_absent_and_joins_it_later) {
  put(*kept_, "a", "1");
  put(*server_, "b", "2");
  there_ = false;
  open();
  EXPECT_THAT(watcher_.told.wait_for(2), ElementsAre("a=1", "current"));
  EXPECT_EQ(run(bucket_->get("a"))->value().value, "1");
  EXPECT_EQ(run(bucket_->list())->size(), 1U);
  const auto refused = run(bucket_->put("c", "3"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Errc::unavailable);
  there_ = true;
  EXPECT_THAT(watcher_.told.wait_for(4), ElementsAre("a=1", "current", "b=2", "current"));
  EXPECT_EQ(kept("a"), "1") << "what the server does not have is not erased";
  EXPECT_TRUE(eventually([&] { return kept("b") == "2"; }));
  put(*bucket_, "c", "3");
  EXPECT_EQ(watcher_.told.wait_for(5).back(), "c=3");
}

TEST_F(MirroredKeyValueTest, waits_for_the_server_that_is_there_before_it_is_current) {
  put(*kept_, "a", "old");
  put(*server_, "a", "new");
  open();
  EXPECT_THAT(watcher_.told.wait_for(4), ElementsAre("a=old", "a=new", "current", "current"));
  EXPECT_TRUE(eventually([&] { return kept("a") == "new"; }));
}

TEST_F(MirroredKeyValueTest, refuses_writes_at_once_while_the_server_is_away_and_takes_them_again) {
  open();
  there_ = false;
  EXPECT_EQ(run(bucket_->create("a", "1")).error().code(), Errc::unavailable);
  EXPECT_EQ(run(bucket_->erase("a")).error().code(), Errc::unavailable);
  there_ = true;
  EXPECT_TRUE(run(bucket_->create("a", "1")));
}

TEST_F(MirroredKeyValueTest, a_server_without_buckets_is_an_error_unless_one_may_wait_for_it) {
  works_ = false;
  const auto refused = try_open(FirstConnect::must_succeed);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message(), "JetStream does not answer");
  put(*server_, "a", "1");
  open();
  works_ = true;
  EXPECT_EQ(watcher_.told.wait_for(1).front(), "a=1");
}

TEST_F(MirroredKeyValueTest, what_was_kept_is_there_after_a_restart) {
  put(*server_, "a", "1");
  open();
  ASSERT_EQ(watcher_.told.wait_for(3).size(), 3U);
  close();
  EXPECT_EQ(kept("a"), "1") << "stored before the end";
  there_ = false;
  open();
  EXPECT_THAT(watcher_.told.wait_for(5), ElementsAre("a=1", "current", "current", "a=1", "current"));
}

}  // namespace
}  // namespace weft::bus
