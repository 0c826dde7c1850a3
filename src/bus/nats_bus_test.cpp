// SPDX-License-Identifier: Apache-2.0
// What only a NatsBus has: a connection that breaks and comes back, and threads of nats.c.
#include "bus/nats_bus.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <string>

#include "bus/nats_connection.hpp"
#include "bus/nats_fixture.hpp"

namespace weft::bus {
namespace {

using namespace testing_support;

class NatsBusTest : public NatsTest {
 protected:
  void SetUp() override {
    NatsTest::SetUp();
    start_server();
  }
  void wait_for_state(const Bus& bus, BusState state) {
    ASSERT_TRUE(eventually([&] { return bus.state() == state; }));
  }
};

TEST_F(NatsBusTest, says_where_it_is_connected_and_under_what_name) {
  const auto bus = connect();
  ASSERT_TRUE(bus);
  EXPECT_EQ(bus->info().url, server_->url());
  EXPECT_EQ(bus->info().max_payload, std::size_t{1} << 20);
  EXPECT_EQ(NatsOptions{}.name, "wasmbus");
}

TEST_F(NatsBusTest, fails_at_once_when_no_server_answers) {
  auto with = options();
  with.urls = {"nats://someone:hunter2@127.0.0.1:" + std::to_string(server_->port())};
  server_->kill();
  const auto bus = NatsBus::connect(with);
  ASSERT_FALSE(bus);
  EXPECT_EQ(bus.error().code(), Errc::unavailable);
  EXPECT_THAT(bus.error().to_string(), testing::HasSubstr(server_->url()));
  EXPECT_THAT(bus.error().to_string(), testing::Not(testing::HasSubstr("hunter2")));
  EXPECT_THAT(bus.error().hint(), testing::HasSubstr("nats-server"));
}

TEST_F(NatsBusTest, refuses_a_url_that_is_none) {
  auto with = options();
  with.urls = {"nats://127.0.0.1:notaport"};
  EXPECT_EQ(NatsBus::connect(with).error().code(), Errc::invalid_argument);
  with.urls = {};
  EXPECT_EQ(NatsBus::connect(with).error().code(), Errc::invalid_argument);
}

TEST_F(NatsBusTest, waits_for_a_server_when_told_to) {
  server_->kill();
  auto with = options();
  with.first_connect = FirstConnect::wait_for_server;
  const auto bus = connect(with);
  ASSERT_TRUE(bus);
  EXPECT_EQ(bus->state(), BusState::disconnected);
  Collected<BusState> states;
  const Ending ending(*this);
  subscriptions_.push_back(bus->on_state(shard_, [&](BusState state) { states.add(state); }));
  EXPECT_THAT(states.wait_for(1), testing::ElementsAre(BusState::disconnected));
  Collected<Message> got;
  keep(bus->subscribe(shard_, "weft.late", {}, [&](Message message) { got.add(std::move(message)); }));
  ASSERT_TRUE(bus->publish(message("weft.late", "buffered")));
  ASSERT_TRUE(server_->start_again(test::Data::keep));
  EXPECT_THAT(states.wait_for(2), testing::ElementsAre(BusState::disconnected, BusState::connected));
  ASSERT_EQ(got.wait_for(1).size(), 1U);
  EXPECT_EQ(got.now()[0].payload, "buffered");
}

TEST_F(NatsBusTest, closes_while_it_is_waiting_for_a_server) {
  server_->kill();
  auto with = options();
  with.first_connect = FirstConnect::wait_for_server;
  auto bus = connect(with);
  ASSERT_TRUE(bus);
  bus.reset();
  bus = connect(with);
  EXPECT_TRUE(wait(bus->drain(5s)));
  EXPECT_EQ(bus->state(), BusState::closed);
}

TEST_F(NatsBusTest, drains_at_once_without_a_connection) {
  const auto bus = connect();
  Collected<Message> got;
  const Ending ending(*this);
  collect(*bus, "weft.drain", got);
  server_->kill();
  wait_for_state(*bus, BusState::disconnected);
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_TRUE(wait(bus->drain(30s)));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 15s);
  EXPECT_EQ(bus->state(), BusState::closed);
}

TEST_F(NatsBusTest, comes_back_with_its_subscriptions_after_the_server_was_killed) {
  const auto bus = connect();
  Collected<Message> got;
  Collected<BusState> states;
  const Ending ending(*this);
  subscriptions_.push_back(bus->on_state(shard_, [&](BusState state) { states.add(state); }));
  collect(*bus, "weft.back", got);
  server_->kill();
  wait_for_state(*bus, BusState::disconnected);
  ASSERT_TRUE(bus->publish(message("weft.back", "meanwhile")));
  ASSERT_TRUE(server_->start_again(test::Data::keep));
  const auto begin = std::chrono::steady_clock::now();
  wait_for_state(*bus, BusState::connected);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 2s);
  EXPECT_EQ(got.wait_for(1).size(), 1U);
  EXPECT_THAT(states.wait_for(3),
              testing::ElementsAre(BusState::connected, BusState::disconnected, BusState::connected));
  EXPECT_THAT(log_.now(), testing::Contains(testing::HasSubstr("warning nats: lost the connection")));
  EXPECT_THAT(log_.now(), testing::Contains(testing::HasSubstr("info nats: connected")));
}

TEST_F(NatsBusTest, bounds_what_is_published_while_disconnected) {
  auto with = options();
  with.reconnect_buffer = 64 << 10;
  const auto bus = connect(with);
  server_->kill();
  wait_for_state(*bus, BusState::disconnected);
  Result<void> outcome;
  int count = 0;
  for (; outcome && count < 1000; ++count) outcome = bus->publish(message("weft.full", std::string(1024, 'x')));
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code(), Errc::unavailable);
  EXPECT_GT(count, 32);
  EXPECT_LT(count, 100);
}

inline async::Task<void> ask(Bus* bus, Collected<Errc>* told) {
  const auto reply = co_await bus->request({.subject = "weft.silent", .reply = {}, .headers = {}, .payload = {}},
                                           std::chrono::minutes(10));
  told->add(reply ? Errc::internal : reply.error().code());
  co_return Result<void>();
}

TEST_F(NatsBusTest, ends_requests_that_wait_when_the_connection_breaks) {
  const auto bus = connect();
  Collected<Message> silent;
  const Ending ending(*this);
  collect(*bus, "weft.silent", silent);
  Collected<Errc> told;
  async::TaskScope scope(shard_);
  scope.spawn("ask", ask(bus.get(), &told));
  EXPECT_EQ(silent.wait_for(1).size(), 1U);
  server_->kill();
  EXPECT_THAT(told.wait_for(1), testing::ElementsAre(Errc::unavailable));
  scope.close_and_wait();
  EXPECT_EQ(bus->waiting_requests(), 0U);
}

TEST_F(NatsBusTest, tells_a_request_without_a_connection_so_at_its_deadline) {
  const auto bus = connect();
  server_->kill();
  wait_for_state(*bus, BusState::disconnected);
  const auto reply = wait(bus->request(message("weft.x"), 50ms));
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code(), Errc::unavailable);
  EXPECT_EQ(wait(bus->flush(50ms)).error().code(), Errc::deadline_exceeded);
}

TEST_F(NatsBusTest, forgets_a_cancelled_request) {
  const auto bus = connect();
  Collected<Message> silent;
  const Ending ending(*this);
  collect(*bus, "weft.silent", silent);
  Collected<Errc> told;
  async::TaskScope scope(shard_);
  for (int i = 0; i < 10; ++i) scope.spawn("ask", ask(bus.get(), &told));
  EXPECT_EQ(silent.wait_for(10).size(), 10U);
  EXPECT_EQ(bus->waiting_requests(), 10U);
  scope.close_and_wait();
  EXPECT_THAT(told.now(), testing::Each(Errc::cancelled));
  EXPECT_EQ(bus->waiting_requests(), 0U);
  // An answer that comes later finds nobody and hurts nobody.
  for (const auto& request : silent.now()) EXPECT_TRUE(bus->publish(message(request.reply, "late")));
  EXPECT_TRUE(wait(bus->flush(10s)));
}

inline async::Task<void> count_answer(Bus* bus, int number, std::atomic<int>* answered) {
  const auto text = std::to_string(number);
  WEFT_CO_TRY(const auto reply,
              co_await bus->request({.subject = "weft.echo", .reply = {}, .headers = {}, .payload = text}, 60s));
  if (reply.payload == text) ++*answered;
  co_return Result<void>();
}

TEST_F(NatsBusTest, has_ten_thousand_requests_in_flight) {
  constexpr int kCount = 10'000;
  const auto bus = connect();
  const auto peer = connect();
  // The peer answers only when it has them all.
  std::vector<Message> asked;
  const Ending ending(*this);
  keep(peer->subscribe(shard_, "weft.echo", {}, [&](Message got) {
    asked.push_back(std::move(got));
    if (asked.size() == kCount) {
      for (const auto& each : asked) EXPECT_TRUE(peer->publish(message(each.reply, each.payload)));
    }
  }));
  ASSERT_TRUE(wait(peer->flush(10s)));
  std::atomic<int> answered = 0;
  async::TaskScope scope(shard_);
  for (int i = 0; i < kCount; ++i) scope.spawn("ask", count_answer(bus.get(), i, &answered));
  EXPECT_TRUE(eventually([&] { return answered == kCount; })) << answered;
  scope.close_and_wait();
  EXPECT_EQ(bus->waiting_requests(), 0U);
}

TEST_F(NatsBusTest, carries_headers_both_ways) {
  const auto bus = connect();
  const auto peer = connect();
  const Ending ending(*this);
  echo(*peer, "weft.headers");
  auto asked = message("weft.headers", "x");
  asked.headers = {{.name = "traceparent", .value = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"},
                   {.name = "tracestate", .value = "a=1,b=2"},
                   {.name = "twice", .value = "1"},
                   {.name = "twice", .value = "2"}};
  const auto reply = wait(bus->request(asked, 10s));
  ASSERT_TRUE(reply) << reply.error().to_string();
  ASSERT_EQ((*reply).headers.size(), 4U);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ((*reply).headers[i].name, asked.headers[i].name);
    EXPECT_EQ((*reply).headers[i].value, asked.headers[i].value);
  }
  asked.headers = {{.name = "a", .value = "1\r\nEvil: 2"}};
  EXPECT_EQ(bus->publish(asked).error().code(), Errc::invalid_argument);
}

TEST_F(NatsBusTest, drops_the_oldest_when_told_to) {
  const auto bus = connect();
  Collected<std::string> got;
  std::promise<void> begun;
  std::promise<void> go_on;
  async::Shard slow(1);
  slow.start();
  bool first = true;
  auto made =
      bus->subscribe(slow, "weft.slow", {.queue_group = {}, .max_pending = 5, .when_full = WhenFull::drop_oldest},
                     [&](const Message& message) {
                       if (std::exchange(first, false)) {
                         begun.set_value();
                         go_on.get_future().wait();
                       }
                       got.add(message.payload);
                     });
  ASSERT_TRUE(made);
  ASSERT_TRUE(bus->publish(message("weft.slow", "0")));
  begun.get_future().wait();
  for (int i = 1; i <= 50; ++i) ASSERT_TRUE(bus->publish(message("weft.slow", std::to_string(i))));
  EXPECT_TRUE(eventually([&] { return bus->dropped() == 45; })) << bus->dropped();
  go_on.set_value();
  EXPECT_THAT(got.wait_for(6), testing::ElementsAre("0", "46", "47", "48", "49", "50"));
  on_shard(slow, [&] { *made = nullptr; });
}

TEST_F(NatsBusTest, leaves_nothing_with_the_library_when_it_is_gone) {
  auto bus = connect();
  const auto own = bus->held_callbacks();
  const auto token = std::make_shared<int>(1);
  auto made = bus->subscribe(shard_, "weft.token", {}, [token](const Message&) {});
  ASSERT_TRUE(made);
  EXPECT_EQ(bus->held_callbacks(), own + 1);
  EXPECT_EQ(token.use_count(), 2);
  on_shard(shard_, [&] { *made = nullptr; });
  EXPECT_TRUE(eventually([&] { return bus->held_callbacks() == own && token.use_count() == 1; }));
  // Registration fails: the connection is closed.
  ASSERT_TRUE(wait(bus->drain(5s)));
  EXPECT_EQ(bus->held_callbacks(), 0U);
  EXPECT_FALSE(bus->subscribe(shard_, "weft.token", {}, [token](const Message&) {}));
  EXPECT_EQ(token.use_count(), 1);
}

TEST_F(NatsBusTest, frees_the_callback_of_a_subscription_the_library_refuses) {
  auto connection = NatsConnection::open(options());
  ASSERT_TRUE(connection);
  const auto own = (*connection)->gate()->inside();
  const auto token = std::make_shared<int>(1);
  EXPECT_FALSE((*connection)->receive("", [token](natsMsg*) {}));
  EXPECT_EQ(token.use_count(), 1);
  EXPECT_EQ((*connection)->gate()->inside(), own);
  (*connection)->close();
  EXPECT_FALSE((*connection)->receive("weft.x", [token](natsMsg*) {}));
  EXPECT_EQ(token.use_count(), 1);
  EXPECT_EQ((*connection)->gate()->inside(), 0U);
}

TEST_F(NatsBusTest, ends_what_is_still_open_when_it_is_destroyed) {
  auto bus = connect();
  Collected<BusState> states;
  auto state = bus->on_state(shard_, [&](BusState told) { states.add(told); });
  Collected<Message> got;
  const Ending ending(*this);
  collect(*bus, "weft.open", got);
  on_shard(shard_, [&] {
    subscriptions_.clear();
    state.reset();
  });
  bus.reset();
  EXPECT_TRUE(got.now().empty());
}

TEST_F(NatsBusTest, notices_a_server_that_no_longer_answers) {
  auto with = options();
  with.ping_interval = 50ms;
  const auto bus = connect(with);
  server_->pause();
  wait_for_state(*bus, BusState::disconnected);
  server_->resume();
  wait_for_state(*bus, BusState::connected);
}

TEST_F(NatsBusTest, asking_where_it_is_connected_does_not_wait_for_a_server_that_says_nothing) {
  auto with = options();
  with.ping_interval = 50ms;
  with.connect_timeout = 1500ms;
  const auto bus = connect(with);
  ASSERT_TRUE(bus);
  server_->pause();
  wait_for_state(*bus, BusState::disconnected);
  // nats.c stands in the midst of an attempt most of this time.
  std::chrono::steady_clock::duration longest{};
  for (const auto end = std::chrono::steady_clock::now() + 2s; std::chrono::steady_clock::now() < end;) {
    const auto began = std::chrono::steady_clock::now();
    EXPECT_EQ(bus->info().url, server_->url());
    EXPECT_EQ(bus->info().max_payload, std::size_t{1} << 20);
    longest = std::max(longest, std::chrono::steady_clock::now() - began);
  }
  EXPECT_LT(longest, 700ms);
  server_->resume();
}

}  // namespace
}  // namespace weft::bus
