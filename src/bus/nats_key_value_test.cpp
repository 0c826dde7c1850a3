// SPDX-License-Identifier: Apache-2.0
// Buckets of a real server: how they are made, and what a watch does when the server, its data or its consumer is lost.
#include <boost/json.hpp>
#include <map>
#include <string>

#include "bus/key_value_suite.hpp"
#include "bus/nats_fixture.hpp"

namespace weft::bus {

// Of the suite, only its watcher is needed here.
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(KeyValueSuite);

namespace {

using namespace testing_support;
namespace json = boost::json;

class NatsKeyValueTest : public NatsTest {
 protected:
  std::shared_ptr<KeyValue> open(Bus& bus, const std::string& name = "weft") {
    auto bucket = wait(bus.open_bucket(name));
    EXPECT_TRUE(bucket) << bucket.error().to_string();
    return bucket ? *std::move(bucket) : nullptr;
  }
  void put(KeyValue& bucket, const std::string& key, const std::string& value) {
    const auto revision = wait(bucket.put(key, value));
    ASSERT_TRUE(revision) << revision.error().to_string();
  }
  json::object api(Bus& bus, const std::string& verb, const std::string& body = {}) {
    const auto answer = wait(bus.request(message("$JS.API." + verb, body), 10s));
    EXPECT_TRUE(answer) << answer.error().to_string();
    auto value = answer ? json::parse((*answer).payload) : json::value(json::object());
    EXPECT_FALSE(value.as_object().contains("error")) << value;
    return value.as_object();
  }
  void watch(KeyValue& bucket, BucketWatcher& watcher) { keep(bucket.watch(shard_, watcher)); }
  static bool becomes_current(const RecordingWatcher& watcher, int times) {
    return eventually([&] { return watcher.current() >= times; });
  }
  static std::size_t erasures(const RecordingWatcher& watcher) {
    const auto entries = watcher.entries();
    return static_cast<std::size_t>(
        std::ranges::count_if(entries, [](const Entry& entry) { return entry.operation != Operation::put; }));
  }
  /// One that comes back long after the other clients.
  NatsOptions late_options() {
    auto late = options();
    late.reconnect_first = 3s;
    late.reconnect_most = 3s;
    return late;
  }
  NatsOptions early_options() {
    auto early = options();
    early.reconnect_first = 5ms;
    early.reconnect_most = 5ms;
    return early;
  }
};

TEST_F(NatsKeyValueTest, creates_a_bucket_with_the_defaults_of_the_lattice) {
  start_server();
  const auto bus = connect();
  ASSERT_TRUE(open(*bus, "LATTICEDATA_default"));
  const auto config = api(*bus, "STREAM.INFO.KV_LATTICEDATA_default").at("config").as_object();
  EXPECT_EQ(config.at("subjects").as_array(), json::array{"$KV.LATTICEDATA_default.>"});
  const json::object expected{{"name", "KV_LATTICEDATA_default"},
                              {"retention", "limits"},
                              {"max_msgs_per_subject", 1},
                              {"num_replicas", 1},
                              {"storage", "file"},
                              {"discard", "new"},
                              {"max_age", 0},
                              {"max_msgs", -1},
                              {"max_bytes", -1},
                              {"max_msg_size", -1},
                              {"max_consumers", -1},
                              {"allow_rollup_hdrs", true},
                              {"deny_delete", true},
                              {"deny_purge", false},
                              {"allow_direct", true}};
  for (const auto& [name, value] : expected) EXPECT_EQ(config.at(name), value) << name;
  EXPECT_FALSE(config.contains("description"));
}

TEST_F(NatsKeyValueTest, uses_a_bucket_that_is_there_as_it_is) {
  start_server();
  const auto bus = connect();
  // No direct access: values are then read another way.
  api(*bus, "STREAM.CREATE.KV_old",
      R"({"name":"KV_old","subjects":["$KV.old.>"],"max_msgs_per_subject":3,"storage":"memory","allow_rollup_hdrs":true})");
  const auto bucket = open(*bus, "old");
  put(*bucket, "a", "1");
  put(*bucket, "a", "2");
  put(*bucket, "b", "3");
  const auto entry = wait(bucket->get("a"));
  ASSERT_TRUE(entry && *entry);
  EXPECT_EQ((**entry).value, "2");
  EXPECT_FALSE((*wait(bucket->get("absent"))).has_value());
  ASSERT_TRUE(wait(bucket->erase("b")));
  EXPECT_FALSE((*wait(bucket->get("b"))).has_value());
  EXPECT_EQ((*wait(bucket->list())).size(), 1U);
  EXPECT_TRUE(wait(bucket->create("b", "4")));
  EXPECT_EQ(api(*bus, "STREAM.INFO.KV_old").at("config").at("max_msgs_per_subject"), 3);
}

TEST_F(NatsKeyValueTest, never_makes_a_bucket_of_somebody_elses) {
  start_server();
  const auto bus = connect();
  const auto missing = wait(bus->open_existing_bucket("theirs"));
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code(), Errc::not_found);
  EXPECT_THAT(missing.error().to_string(), testing::HasSubstr("nats kv add theirs"));
  static_cast<void>(open(*bus, "theirs"));
  auto opened = wait(bus->open_existing_bucket("theirs"));
  ASSERT_TRUE(opened);
  const auto bucket = *std::move(opened);
  put(*bucket, "a", "1");
  api(*bus, "STREAM.DELETE.KV_theirs");
  const auto written = wait(bucket->put("a", "2"));
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code(), Errc::not_found);
  EXPECT_FALSE(wait(bus->open_existing_bucket("theirs")));
}

TEST_F(NatsKeyValueTest, says_how_to_get_a_jetstream_that_is_not_there) {
  start_server({.jetstream = false, .domain = {}, .configuration = {}});
  const auto bus = connect();
  const auto bucket = wait(bus->open_bucket("weft"));
  ASSERT_FALSE(bucket);
  EXPECT_EQ(bucket.error().code(), Errc::unavailable);
  EXPECT_THAT(bucket.error().hint(), testing::HasSubstr("nats-server with -js"));
}

TEST_F(NatsKeyValueTest, names_a_domain_that_is_not_there) {
  start_server({.jetstream = true, .domain = "hub", .configuration = {}});
  auto with = options();
  with.jetstream_domain = "hob";
  const auto bus = connect(with);
  const auto bucket = wait(bus->open_bucket("weft"));
  ASSERT_FALSE(bucket);
  EXPECT_THAT(bucket.error().to_string(), testing::HasSubstr("`hob`"));
}

TEST_F(NatsKeyValueTest, shares_buckets_between_clients_with_a_domain_and_without) {
  start_server({.jetstream = true, .domain = "hub", .configuration = {}});
  auto with = options();
  with.jetstream_domain = "hub";
  const auto bus = connect(with);
  const auto plain = connect();
  EXPECT_EQ(bus->info().jetstream_domain, "hub");
  const auto bucket = open(*bus);
  RecordingWatcher watcher;
  const Ending ending(*this);
  watch(*bucket, watcher);
  ASSERT_TRUE(becomes_current(watcher, 1));
  put(*open(*plain), "a", "1");
  put(*bucket, "b", "2");
  EXPECT_TRUE(eventually([&] { return watcher.present() == Present{{"a", "1"}, {"b", "2"}}; }));
}

TEST_F(NatsKeyValueTest, tells_after_a_restart_what_changed_meanwhile_and_nothing_else) {
  start_server();
  const auto bus = connect(late_options());
  const auto early = connect(early_options());
  const auto bucket = open(*bus);
  const auto same = open(*early);
  for (const auto* key : {"a", "b", "c"}) put(*bucket, key, "1");
  RecordingWatcher watcher;
  const Ending ending(*this);
  watch(*bucket, watcher);
  ASSERT_TRUE(becomes_current(watcher, 1));
  ASSERT_EQ(watcher.entries().size(), 3U);
  server_->kill();
  ASSERT_TRUE(server_->start_again(test::Data::keep));
  ASSERT_TRUE(eventually([&] { return early->state() == BusState::connected; }));
  put(*same, "b", "2");
  ASSERT_TRUE(wait(same->erase("c")));
  EXPECT_EQ(bus->state(), BusState::disconnected);
  ASSERT_TRUE(becomes_current(watcher, 2));
  EXPECT_EQ(watcher.at_current(), (Present{{"a", "1"}, {"b", "2"}}));
  EXPECT_EQ(watcher.entries().size(), 5U);
  put(*bucket, "d", "3");
  EXPECT_TRUE(eventually([&] { return watcher.present().contains("d"); }));
}

TEST_F(NatsKeyValueTest, is_current_again_within_two_seconds_of_a_restart) {
  start_server();
  auto with = options();
  with.watch_heartbeat = NatsOptions{}.watch_heartbeat;
  const auto bus = connect(with);
  const auto bucket = open(*bus);
  RecordingWatcher watcher;
  const Ending ending(*this);
  watch(*bucket, watcher);
  ASSERT_TRUE(becomes_current(watcher, 1));
  for (int round = 2; round < 6; ++round) {
    server_->kill();
    ASSERT_TRUE(eventually([&] { return bus->state() == BusState::disconnected; }));
    ASSERT_TRUE(server_->start_again(test::Data::keep));
    const auto begin = std::chrono::steady_clock::now();
    ASSERT_TRUE(becomes_current(watcher, round));
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 2s);
    put(*bucket, "round", std::to_string(round));
    EXPECT_TRUE(eventually([&] { return watcher.present()["round"] == std::to_string(round); }));
  }
}

TEST_F(NatsKeyValueTest, waits_longer_for_servers_that_take_their_time_and_leaves_no_consumer_behind) {
  start_server();
  const auto server = connect();
  put(*open(*server), "a", "1");
  // Hands what is asked of a domain to the server, which has none; keeps the first consumer until another is asked for.
  std::optional<Message> kept;
  keep(server->subscribe(shard_, "$JS.slow.API.>", {}, [&](Message asked) {
    const bool is_creation = asked.subject.contains("CONSUMER.CREATE");
    asked.subject.replace(0, std::string_view("$JS.slow").size(), "$JS");
    if (is_creation && !kept) {
      kept = std::move(asked);
      return;
    }
    if (is_creation && !kept->subject.empty()) {
      EXPECT_TRUE(server->publish(*kept));
      kept->subject.clear();
    }
    EXPECT_TRUE(server->publish(asked));
  }));
  ASSERT_TRUE(wait(server->flush(10s)));
  auto with = options();
  with.jetstream_domain = "slow";
  const auto bus = connect(with);
  RecordingWatcher watcher;
  const Ending ending(*this);
  watch(*open(*bus), watcher);
  ASSERT_TRUE(becomes_current(watcher, 1));
  EXPECT_EQ(watcher.present(), (Present{{"a", "1"}}));
  EXPECT_TRUE(eventually([&] { return api(*server, "CONSUMER.NAMES.KV_weft").at("total") == 1; }));
}

TEST_F(NatsKeyValueTest, creates_the_bucket_anew_when_the_server_lost_its_data) {
  start_server();
  const auto bus = connect();
  const auto bucket = open(*bus);
  for (int i = 0; i < 20; ++i) put(*bucket, "key." + std::to_string(i), "1");
  RecordingWatcher watcher;
  const Ending ending(*this);
  watch(*bucket, watcher);
  ASSERT_TRUE(becomes_current(watcher, 1));
  ASSERT_TRUE(server_->start_again(test::Data::lose));
  ASSERT_TRUE(becomes_current(watcher, 2));
  // What has vanished is not told as erased.
  EXPECT_EQ(watcher.present().size(), 20U);
  EXPECT_EQ(erasures(watcher), 0U);
  EXPECT_TRUE((*wait(bucket->list())).empty());
  // Its revisions begin anew, and are told all the same.
  put(*bucket, "key.0", "2");
  EXPECT_TRUE(eventually([&] { return watcher.present()["key.0"] == "2"; }));
}

TEST_F(NatsKeyValueTest, tells_all_of_a_stream_that_took_the_place_of_another) {
  start_server();
  const auto bus = connect(late_options());
  const auto early = connect(early_options());
  const auto bucket = open(*bus);
  for (int i = 0; i < 5; ++i) put(*bucket, "old", std::to_string(i));
  RecordingWatcher watcher;
  const Ending ending(*this);
  watch(*bucket, watcher);
  ASSERT_TRUE(becomes_current(watcher, 1));
  ASSERT_TRUE(server_->start_again(test::Data::lose));
  ASSERT_TRUE(eventually([&] { return early->state() == BusState::connected; }));
  const auto made_anew = open(*early);
  for (int i = 0; i < 10; ++i) put(*made_anew, "new." + std::to_string(i), "1");
  ASSERT_TRUE(becomes_current(watcher, 2));
  EXPECT_EQ(watcher.at_current().size(), 11U);
  EXPECT_EQ(erasures(watcher), 0U);
}

TEST_F(NatsKeyValueTest, writes_to_a_stream_that_was_lost_by_creating_it) {
  start_server();
  const auto bus = connect();
  const auto bucket = open(*bus);
  put(*bucket, "a", "1");
  api(*bus, "STREAM.DELETE.KV_weft");
  put(*bucket, "a", "2");
  EXPECT_EQ((**wait(bucket->get("a"))).value, "2");
}

TEST_F(NatsKeyValueTest, watches_on_when_its_stream_was_deleted) {
  start_server();
  const auto bus = connect();
  const auto bucket = open(*bus);
  put(*bucket, "a", "1");
  RecordingWatcher watcher;
  const Ending ending(*this);
  watch(*bucket, watcher);
  ASSERT_TRUE(becomes_current(watcher, 1));
  api(*bus, "STREAM.DELETE.KV_weft");
  ASSERT_TRUE(becomes_current(watcher, 2));
  EXPECT_EQ(erasures(watcher), 0U);
  put(*bucket, "b", "2");
  EXPECT_TRUE(eventually([&] { return watcher.present().contains("b"); }));
}

TEST_F(NatsKeyValueTest, watches_on_when_its_consumer_was_deleted) {
  start_server();
  const auto bus = connect();
  const auto bucket = open(*bus);
  put(*bucket, "a", "1");
  RecordingWatcher watcher;
  const Ending ending(*this);
  watch(*bucket, watcher);
  ASSERT_TRUE(becomes_current(watcher, 1));
  const auto consumers = api(*bus, "CONSUMER.NAMES.KV_weft").at("consumers").as_array();
  ASSERT_EQ(consumers.size(), 1U);
  api(*bus, "CONSUMER.DELETE.KV_weft." + std::string(consumers[0].as_string()));
  put(*bucket, "b", "2");
  EXPECT_TRUE(eventually([&] { return watcher.present().contains("b"); }));
  EXPECT_EQ(watcher.entries().size(), 2U);
}

TEST_F(NatsKeyValueTest, leaves_no_consumer_behind) {
  start_server();
  const auto bus = connect();
  const auto bucket = open(*bus);
  RecordingWatcher watcher;
  watch(*bucket, watcher);
  ASSERT_TRUE(becomes_current(watcher, 1));
  end_subscriptions();
  EXPECT_TRUE(eventually([&] {
    const auto names = api(*bus, "CONSUMER.NAMES.KV_weft").at("consumers");
    return names.is_null() || names.as_array().empty();
  }));
  const auto held = bus->held_callbacks();
  EXPECT_TRUE(wait(bucket->list()));
  EXPECT_TRUE(eventually([&] { return bus->held_callbacks() == held; }));
}

TEST_F(NatsKeyValueTest, watches_a_bucket_larger_than_the_window_of_flow_control) {
  start_server();
  const auto bus = connect();
  const auto bucket = open(*bus);
  constexpr int kCount = 600;
  const std::string value(32 << 10, 'x');
  for (int i = 0; i < kCount; ++i) {
    ASSERT_TRUE(bus->publish(message("$KV.weft.key." + std::to_string(i), value)));
  }
  put(*bucket, "last", "1");
  RecordingWatcher watcher;
  const Ending ending(*this);
  watch(*bucket, watcher);
  ASSERT_TRUE(becomes_current(watcher, 1));
  EXPECT_EQ(watcher.at_current().size(), kCount + 1U);
  EXPECT_EQ((*wait(bucket->list())).size(), kCount + 1U);
}

class EndingWatcher final : public BucketWatcher {
 public:
  void on_entry(const Entry& /*entry*/) override {
    ++entries;
    subscription.reset();
  }
  void on_current() override { ++current; }
  std::unique_ptr<Subscription> subscription;
  std::atomic<int> entries = 0;
  std::atomic<int> current = 0;
};

TEST_F(NatsKeyValueTest, may_be_told_to_end_by_the_watcher_itself) {
  start_server();
  const auto bus = connect();
  const auto bucket = open(*bus);
  for (const auto* key : {"a", "b", "c"}) put(*bucket, key, "1");
  EndingWatcher watcher;
  on_shard(shard_, [&] { watcher.subscription = *bucket->watch(shard_, watcher); });
  ASSERT_TRUE(eventually([&] { return watcher.entries > 0; }));
  put(*bucket, "d", "1");
  on_shard(shard_, [] {});
  EXPECT_EQ(watcher.entries, 1);
  EXPECT_EQ(watcher.current, 0);
}

TEST_F(NatsKeyValueTest, watches_as_soon_as_a_server_comes_that_was_waited_for) {
  start_server();
  server_->kill();
  auto with = options();
  with.first_connect = FirstConnect::wait_for_server;
  const auto bus = connect(with);
  async::TaskScope scope(shard_);
  RecordingWatcher watcher;
  const Ending ending(*this);
  // The bucket is asked for before the server is there.
  std::promise<std::shared_ptr<KeyValue>> opened;
  struct Opener {
    static async::Task<void> open(Bus* which, std::promise<std::shared_ptr<KeyValue>>* into) {
      WEFT_CO_TRY(auto bucket, co_await which->open_bucket("weft"));
      into->set_value(std::move(bucket));
      co_return Result<void>();
    }
  };
  scope.spawn("open", Opener::open(bus.get(), &opened));
  ASSERT_TRUE(server_->start_again(test::Data::keep));
  const auto bucket = opened.get_future().get();
  watch(*bucket, watcher);
  EXPECT_TRUE(becomes_current(watcher, 1));
  scope.close_and_wait();
}

TEST_F(NatsKeyValueTest, ends_a_watch_that_cannot_reach_its_server) {
  start_server();
  const auto bus = connect();
  const auto bucket = open(*bus);
  RecordingWatcher watcher;
  watch(*bucket, watcher);
  ASSERT_TRUE(becomes_current(watcher, 1));
  server_->kill();
  ASSERT_TRUE(eventually([&] { return bus->state() == BusState::disconnected; }));
  end_subscriptions();
  EXPECT_EQ(bus->waiting_requests(), 0U);
}

}  // namespace
}  // namespace weft::bus
