// SPDX-License-Identifier: Apache-2.0
#include "lattice/lattice_store.hpp"

#include <gtest/gtest.h>

#include <atomic>

#include "async/shard_call.hpp"
#include "bus/memory_key_value.hpp"
#include "bus/mirrored_key_value.hpp"
#include "bus/test_wait.hpp"
#include "lattice/control_fixture.hpp"

namespace weft::lattice {
namespace {

using namespace std::chrono_literals;
using bus::testing_support::eventually;

/// A store whose server is away at first.
class LatticeStoreTest : public testing::Test {
 protected:
  LatticeStoreTest() {
    shard_.start();
    EXPECT_TRUE(run(boot()));
  }
  ~LatticeStoreTest() override {
    (void)run(close());
    shard_.stop();
  }

  template <class T>
  Result<T> run(async::Task<T> task) {
    return async::run_on_shard_and_wait(shard_, std::move(task));
  }
  static async::Task<std::shared_ptr<bus::KeyValue>> give(std::shared_ptr<bus::KeyValue> bucket) { co_return bucket; }
  async::Task<std::shared_ptr<bus::MirroredKeyValue>> mirror(std::shared_ptr<bus::KeyValue> server,
                                                             std::shared_ptr<bus::KeyValue> kept) {
    bus::MirrorSource source{.is_there = [this] { return there_.load(); }, .open = [server] { return give(server); }};
    return bus::MirroredKeyValue::open(shard_, std::move(source), std::move(kept),
                                       {.first_connect = bus::FirstConnect::wait_for_server, .log = {}});
  }
  async::Task<void> boot() {
    WEFT_CO_CHECK(co_await kept_config_->put("url", R"({"a":"1"})"));
    WEFT_CO_TRY(data_, co_await mirror(server_data_, std::make_shared<bus::MemoryKeyValue>("mirror_data")));
    WEFT_CO_TRY(config_, co_await mirror(server_config_, kept_config_));
    store_ = std::make_unique<LatticeStore>(shard_, data_, config_);
    co_return co_await store_->start(listener_, 5s);
  }
  async::Task<void> close() {
    co_await store_->close();
    co_await data_->close();
    co_await config_->close();
    store_.reset();
    co_return Result<void>();
  }

  async::Shard shard_{0};
  std::atomic<bool> there_{false};
  std::shared_ptr<bus::MemoryKeyValue> server_data_ = std::make_shared<bus::MemoryKeyValue>("LATTICEDATA_test");
  std::shared_ptr<bus::MemoryKeyValue> server_config_ = std::make_shared<bus::MemoryKeyValue>("CONFIGDATA_test");
  std::shared_ptr<bus::MemoryKeyValue> kept_config_ = std::make_shared<bus::MemoryKeyValue>("mirror_config");
  std::shared_ptr<bus::MirroredKeyValue> data_;
  std::shared_ptr<bus::MirroredKeyValue> config_;
  NoListener listener_;
  std::unique_ptr<LatticeStore> store_;
};

TEST_F(LatticeStoreTest, what_starts_while_the_server_is_away_is_in_its_bucket_later) {
  EXPECT_TRUE(run(store_->ensure_spec("cart", "file:///cart.wasm")));
  const auto refused = run(store_->put_config("other", "{}"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Errc::unavailable);
  there_ = true;
  EXPECT_TRUE(eventually([&] { return run(server_data_->get("COMPONENT_cart"))->has_value(); }));
}

TEST_F(LatticeStoreTest, what_is_kept_is_used_at_once_and_put_back_when_the_server_has_lost_it) {
  EXPECT_EQ(store_->bundle({"url"})->at("a"), "1");
  there_ = true;
  EXPECT_TRUE(eventually([&] { return run(server_config_->get("url"))->has_value(); }));
  EXPECT_TRUE(run(store_->put_config("other", "{}")));
}

}  // namespace
}  // namespace weft::lattice
