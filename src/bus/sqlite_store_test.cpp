// SPDX-License-Identifier: Apache-2.0
#include "bus/sqlite_store.hpp"

#include <sys/stat.h>

#include <chrono>

#include "base/temporary_folder.hpp"
#include "bus/bus_suite.hpp"
#include "bus/key_value_suite.hpp"

namespace weft::bus {
namespace {

using weft::testing_support::TemporaryFolder;

class SqliteStoreUnderTest final : public KeyValueUnderTest {
 public:
  SqliteStoreUnderTest() : store_(SqliteStore::open(folder_.file("store"))) {
    EXPECT_TRUE(store_) << store_.error().to_string();
  }
  async::Task<std::shared_ptr<KeyValue>> open_bucket(std::string name) override {
    return (*store_)->open_bucket(std::move(name));
  }

 private:
  TemporaryFolder folder_;
  Result<std::unique_ptr<SqliteStore>> store_;
};

std::unique_ptr<KeyValueUnderTest> make_sqlite_store(async::Shard&) { return std::make_unique<SqliteStoreUnderTest>(); }

INSTANTIATE_TEST_SUITE_P(Sqlite, KeyValueSuite,
                         testing::Values(KeyValueCase{.name = "sqlite", .make = make_sqlite_store}), name_of_store);

class SqliteBusUnderTest final : public BusUnderTest {
 public:
  SqliteBusUnderTest() : store_(SqliteStore::open(folder_.file("store"))), bus_((*store_)->factory()) {}
  Bus& bus() override { return bus_; }

 private:
  TemporaryFolder folder_;
  Result<std::unique_ptr<SqliteStore>> store_;
  MemoryBus bus_;
};

std::unique_ptr<BusUnderTest> make_sqlite_bus(async::Shard&) { return std::make_unique<SqliteBusUnderTest>(); }

INSTANTIATE_TEST_SUITE_P(Sqlite, BusSuite, testing::Values(BusCase{.name = "sqlite", .make = make_sqlite_bus}),
                         name_of_case);

class SqliteStoreTest : public testing::Test {
 protected:
  SqliteStoreTest() { shard_.start(); }

  std::unique_ptr<SqliteStore> open(const SqliteOptions& options = {}) {
    auto store = SqliteStore::open(path_, options);
    EXPECT_TRUE(store) << store.error().to_string();
    return store ? *std::move(store) : nullptr;
  }
  std::shared_ptr<KeyValue> bucket_of(SqliteStore& store, const std::string& name = "test") {
    auto bucket = wait(store.open_bucket(name));
    EXPECT_TRUE(bucket) << bucket.error().to_string();
    return bucket ? *bucket : nullptr;
  }
  template <class T>
  Result<T> wait(async::Task<T> task) {
    return async::run_on_shard_and_wait(shard_, std::move(task));
  }

  async::Shard shard_{0};
  TemporaryFolder folder_;
  std::string path_ = folder_.file("lattice.db");
};

TEST_F(SqliteStoreTest, finds_everything_again_after_it_was_closed) {
  std::uint64_t last = 0;
  {
    const auto store = open();
    const auto bucket = bucket_of(*store);
    ASSERT_TRUE(wait(bucket->put("a", std::string("1\0\xff", 3))));
    ASSERT_TRUE(wait(bucket->put("b", "2")));
    ASSERT_TRUE(wait(bucket->put("c", "3")));
    ASSERT_TRUE(wait(bucket->erase("c")));
    last = *wait(bucket->put("b", "4"));
    ASSERT_TRUE(wait(bucket_of(*store, "other")->put("a", "other")));
  }
  const auto store = open();
  const auto bucket = bucket_of(*store);
  const auto entries = wait(bucket->list());
  ASSERT_TRUE(entries);
  ASSERT_EQ(entries->size(), 2U);
  EXPECT_EQ((*entries)[0].value, std::string("1\0\xff", 3));
  EXPECT_EQ((*entries)[1].value, "4");
  EXPECT_EQ((*entries)[1].revision, last);
  EXPECT_GT(*wait(bucket->put("d", "5")), last);
}

TEST_F(SqliteStoreTest, never_gives_a_revision_twice_though_its_entry_was_erased) {
  std::uint64_t erased = 0;
  {
    const auto store = open();
    const auto bucket = bucket_of(*store);
    erased = *wait(bucket->put("a", "1"));
    ASSERT_TRUE(wait(bucket->erase("a")));
  }
  const auto store = open();
  EXPECT_GT(*wait(bucket_of(*store)->put("a", "2")), erased + 1);
}

TEST_F(SqliteStoreTest, makes_a_file_that_only_its_owner_reads) {
  const auto store = open();
  ASSERT_TRUE(wait(bucket_of(*store)->put("a", "1")));
  for (const std::string& file : {path_, path_ + "-wal"}) {
    struct stat status{};
    ASSERT_EQ(::stat(file.c_str(), &status), 0) << file;
    EXPECT_EQ(status.st_mode & 0777U, 0600U) << file;
  }
}

TEST_F(SqliteStoreTest, keeps_buckets_alive_that_outlive_it) {
  auto store = open();
  const auto bucket = bucket_of(*store);
  store.reset();
  EXPECT_TRUE(wait(bucket->put("a", "1")));
}

TEST_F(SqliteStoreTest, names_the_folder_that_is_not_there) {
  const auto store = SqliteStore::open(folder_.file("none/lattice.db"));
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code(), Errc::io);
  EXPECT_NE(store.error().message().find("none/lattice.db"), std::string::npos);
}

TEST_F(SqliteStoreTest, puts_a_thousand_at_once_into_few_transactions) {
  const auto store = open();
  const auto bucket = bucket_of(*store);
  std::atomic<int> done = 0;
  const auto begin = std::chrono::steady_clock::now();
  async::TaskScope scope(shard_);
  for (int i = 0; i < 1000; ++i) scope.spawn("put", put_and_count(bucket, i, &done));
  ASSERT_TRUE(eventually([&] { return done == 1000; }));
  // A sync for each would take seconds even on a fast disk.
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin);
  RecordProperty("milliseconds", static_cast<int>(took.count()));
  scope.close_and_wait();
}

}  // namespace
}  // namespace weft::bus
