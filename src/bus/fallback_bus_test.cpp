// SPDX-License-Identifier: Apache-2.0
#include "bus/fallback_bus.hpp"

#include "bus/memory_key_value.hpp"
#include "bus/mirrored_key_value.hpp"
#include "bus/nats_fixture.hpp"

namespace weft::bus {
namespace {

using testing_support::Collected;
using testing_support::eventually;
using namespace std::chrono_literals;

class FallbackBusTest : public testing_support::NatsTest {
 protected:
  void SetUp() override {
    NatsTest::SetUp();
    start_server();
  }
  /// Has to go after its subscriptions.
  std::unique_ptr<FallbackBus> fall_back() {
    auto lattice = connect();
    return lattice ? std::make_unique<FallbackBus>(std::move(lattice)) : nullptr;
  }
};

TEST_F(FallbackBusTest, requests_and_events_stay_in_the_process_while_the_server_is_away) {
  const auto bus = fall_back();
  const auto other = connect();
  Collected<Message> events;
  Collected<Message> commands;
  const Ending ending(*this);
  collect(*bus, "event", events);
  keep(bus->subscribe(shard_, "command", {}, [&](Message got) {
    commands.add(got);
    EXPECT_TRUE(bus->publish({.subject = got.reply, .reply = {}, .headers = {}, .payload = "done"}));
  }));
  ASSERT_TRUE(wait(bus->flush(5s)));
  EXPECT_EQ(wait(bus->request(message("command"), 5s))->payload, "done");
  EXPECT_EQ(wait(other->request(message("command"), 5s))->payload, "done");

  server_->kill();
  ASSERT_TRUE(eventually([&] { return bus->state() == BusState::disconnected; }));
  EXPECT_EQ(wait(bus->request(message("command"), 5s))->payload, "done");
  EXPECT_TRUE(wait(bus->flush(5s)));
  ASSERT_TRUE(bus->publish(message("event", "local")));
  EXPECT_EQ(events.wait_for(1).size(), 1U);
  const auto nobody = wait(bus->request(message("somewhere.else"), 5s));
  ASSERT_FALSE(nobody);
  EXPECT_NE(nobody.error().message().find(server_->url()), std::string::npos) << nobody.error().to_string();

  ASSERT_TRUE(server_->start_again(test::Data::keep));
  ASSERT_TRUE(eventually([&] { return bus->state() == BusState::connected; }));
  EXPECT_EQ(wait(bus->request(message("command"), 5s))->payload, "done");
  EXPECT_EQ(commands.size(), 4U) << "no request is carried out twice";
  EXPECT_EQ(events.wait_for(2).size(), 2U) << "the lattice hears of the event later";
}

/// What a mirror's watcher knows.
struct Known final : BucketWatcher {
  void on_entry(const Entry& entry) override {
    told.add(entry.operation == Operation::put ? entry.key + "=" + entry.value : "-" + entry.key);
  }
  void on_current() override { told.add("current"); }
  Collected<std::string> told;
};

async::Task<void> end(std::shared_ptr<MirroredKeyValue> mirror) {
  co_await mirror->close();
  co_return Result<void>();
}

TEST_F(FallbackBusTest, a_mirror_learns_what_was_erased_while_nobody_looked) {
  const auto bus = connect();
  const auto remote = *wait(bus->open_bucket("CONFIGDATA_test"));
  const auto kept = std::make_shared<MemoryKeyValue>("mirror");
  for (const char* key : {"stays", "goes", "lost"}) {
    ASSERT_TRUE(wait(kept->put(key, "1")));
  }
  ASSERT_TRUE(wait(remote->put("stays", "1")));
  ASSERT_TRUE(wait(remote->put("goes", "1")));
  ASSERT_TRUE(wait(remote->purge("goes")));
  MirrorSource source{.is_there = [&] { return bus->state() == BusState::connected; },
                      .open = [&] { return bus->open_bucket("CONFIGDATA_test"); }};
  const auto mirror = *wait(MirroredKeyValue::open(shard_, std::move(source), kept, {.patience = 10s, .log = {}}));
  Known known;
  const Ending ending(*this);
  testing_support::on_shard(shard_, [&] { subscriptions_.push_back(*mirror->watch(shard_, known)); });
  ASSERT_EQ(known.told.wait_for(7).size(), 7U);
  EXPECT_THAT(known.told.now(), testing::Contains("-goes"));
  EXPECT_TRUE(eventually([&] { return !wait(kept->get("goes"))->has_value(); }));
  EXPECT_TRUE(wait(kept->get("lost"))->has_value()) << "absence is no deletion";
  end_subscriptions();
  EXPECT_TRUE(wait(end(mirror)));
}

}  // namespace
}  // namespace weft::bus
