// SPDX-License-Identifier: Apache-2.0
/// What every Bus must do. Include it in one file of a test program and instantiate:
///
///   INSTANTIATE_TEST_SUITE_P(Memory, BusSuite, testing::Values(BusCase{"memory", make_memory_bus}), name_of_case);
///
/// A test sees two clients of one bus, which may be the same object; what one publishes the other hears. Delivery is
/// asynchronous everywhere: the suite flushes after it subscribes and waits for what must come.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "async/shard_call.hpp"
#include "async/task_scope.hpp"
#include "bus/bus.hpp"
#include "bus/test_wait.hpp"

namespace weft::bus {

/// A fresh bus with nothing on it, and what it needs to run. Destroyed after all subscriptions.
class BusUnderTest {
 public:
  virtual ~BusUnderTest() = default;
  virtual Bus& bus() = 0;
  /// A second client; the same object where there is but one.
  virtual Bus& peer() { return bus(); }
};

struct BusCase {
  std::string name;
  std::function<std::unique_ptr<BusUnderTest>(async::Shard& shard)> make;
  bool has_buckets = true;
};

inline std::string name_of_case(const testing::TestParamInfo<BusCase>& info) { return info.param.name; }
inline void PrintTo(const BusCase& value, std::ostream* out) { *out << value.name; }

using namespace std::chrono_literals;
using testing_support::Collected;
using testing_support::eventually;
using testing_support::on_shard;

class BusSuite : public testing::TestWithParam<BusCase> {
 protected:
  void SetUp() override {
    shard_.start();
    under_test_ = GetParam().make(shard_);
    ASSERT_NE(under_test_, nullptr);
  }
  void TearDown() override {
    on_shard(shard_, [this] { subscriptions_.clear(); });
    under_test_.reset();
    EXPECT_EQ(shard_.failures(), 0U);
    shard_.stop();
  }

  Bus& bus() { return under_test_->bus(); }
  Bus& peer() { return under_test_->peer(); }

  void keep(Result<std::unique_ptr<Subscription>> subscription) {
    ASSERT_TRUE(subscription) << subscription.error().to_string();
    subscriptions_.push_back(*std::move(subscription));
  }
  void flush(Bus& which) {
    const auto outcome = async::run_on_shard_and_wait(shard_, which.flush(10s));
    ASSERT_TRUE(outcome) << outcome.error().to_string();
  }
  /// Subscribes the peer and makes sure that the bus's messages reach it.
  void collect(const std::string& pattern, Collected<Message>& into, SubscribeOptions options = {}) {
    keep(peer().subscribe(shard_, pattern, std::move(options),
                          [&into](Message message) { into.add(std::move(message)); }));
    flush(peer());
  }
  void answer(const std::string& pattern, std::function<std::string(const Message&)> make_answer) {
    keep(peer().subscribe(shard_, pattern, {}, [this, make_answer = std::move(make_answer)](const Message& message) {
      EXPECT_TRUE(
          peer().publish({.subject = message.reply, .reply = {}, .headers = {}, .payload = make_answer(message)}));
    }));
    flush(peer());
  }
  void publish(const std::string& subject, const std::string& payload = {}) {
    const auto outcome = bus().publish({.subject = subject, .reply = {}, .headers = {}, .payload = payload});
    ASSERT_TRUE(outcome) << outcome.error().to_string();
  }
  Result<Message> request(const std::string& subject, const std::string& payload,
                          std::chrono::milliseconds timeout = 10s) {
    return async::run_on_shard_and_wait(
        shard_, bus().request({.subject = subject, .reply = {}, .headers = {}, .payload = payload}, timeout));
  }
  static std::vector<std::string> payloads(const std::vector<Message>& messages) {
    std::vector<std::string> all;
    for (const auto& message : messages) all.push_back(message.payload);
    return all;
  }

  async::Shard shard_{0};
  std::unique_ptr<BusUnderTest> under_test_;
  std::vector<std::unique_ptr<Subscription>> subscriptions_;
};

TEST_P(BusSuite, delivers_a_whole_message) {
  Collected<Message> got;
  collect("weft.test.whole", got);
  Message sent{.subject = "weft.test.whole",
               .reply = "weft.test.reply",
               .headers = {{.name = "Trace-Id", .value = "a:b c"}, {.name = "Empty", .value = ""}},
               .payload = std::string("zero \0 and \xff", 12)};
  ASSERT_TRUE(bus().publish(sent));
  const auto messages = got.wait_for(1);
  ASSERT_EQ(messages.size(), 1U);
  EXPECT_EQ(messages[0].subject, sent.subject);
  EXPECT_EQ(messages[0].reply, sent.reply);
  EXPECT_EQ(messages[0].payload, sent.payload);
  EXPECT_EQ(messages[0].header("Trace-Id"), "a:b c");
  ASSERT_EQ(messages[0].headers.size(), 2U);
}

TEST_P(BusSuite, calls_handlers_on_their_shard) {
  Collected<bool> got;
  keep(peer().subscribe(shard_, "weft.test.where", {}, [&](const Message&) { got.add(shard_.is_current()); }));
  flush(peer());
  publish("weft.test.where");
  EXPECT_THAT(got.wait_for(1), testing::ElementsAre(true));
}

TEST_P(BusSuite, matches_wildcards) {
  Collected<Message> one;
  Collected<Message> rest;
  Collected<Message> end;
  collect("weft.*.wild", one);
  collect("weft.wild.>", rest);
  collect("weft.end", end);
  publish("weft.a.wild", "1");
  publish("weft.a.b.wild", "2");
  publish("weft.wild", "3");
  publish("weft.wild.x", "4");
  publish("weft.wild.x.y", "5");
  publish("weft.end", "6");
  EXPECT_THAT(payloads(end.wait_for(1)), testing::ElementsAre("6"));
  EXPECT_THAT(payloads(one.wait_for(1)), testing::ElementsAre("1"));
  EXPECT_THAT(payloads(rest.wait_for(2)), testing::ElementsAre("4", "5"));
}

TEST_P(BusSuite, keeps_the_order_of_a_publisher) {
  Collected<Message> got;
  collect("weft.order.>", got);
  constexpr std::size_t kCount = 2000;
  for (std::size_t i = 0; i < kCount; ++i) publish("weft.order." + std::to_string(i % 7), std::to_string(i));
  const auto messages = got.wait_for(kCount);
  ASSERT_EQ(messages.size(), kCount);
  for (std::size_t i = 0; i < kCount; ++i) ASSERT_EQ(messages[i].payload, std::to_string(i));
}

TEST_P(BusSuite, gives_each_plain_subscription_a_copy) {
  Collected<Message> first;
  Collected<Message> second;
  collect("weft.copy", first);
  collect("weft.copy", second);
  publish("weft.copy", "x");
  EXPECT_EQ(first.wait_for(1).size(), 1U);
  EXPECT_EQ(second.wait_for(1).size(), 1U);
}

TEST_P(BusSuite, gives_one_member_of_a_queue_group_each_message_and_all_a_share) {
  Collected<Message> members[3];
  Collected<Message> plain;
  for (auto& member : members) collect("weft.queue", member, {.queue_group = "workers"});
  collect("weft.queue", plain);
  constexpr std::size_t kCount = 900;
  for (std::size_t i = 0; i < kCount; ++i) publish("weft.queue", std::to_string(i));
  const auto sum = [&] { return members[0].size() + members[1].size() + members[2].size(); };
  EXPECT_EQ(plain.wait_for(kCount).size(), kCount);
  EXPECT_TRUE(eventually([&] { return sum() >= kCount; })) << sum();
  EXPECT_EQ(sum(), kCount);
  for (auto& member : members) EXPECT_GT(member.size(), kCount / 10);
}

TEST_P(BusSuite, serves_each_of_several_queue_groups) {
  Collected<Message> a;
  Collected<Message> b;
  collect("weft.groups", a, {.queue_group = "a"});
  collect("weft.*", b, {.queue_group = "b"});
  publish("weft.groups", "x");
  EXPECT_EQ(a.wait_for(1).size(), 1U);
  EXPECT_EQ(b.wait_for(1).size(), 1U);
}

TEST_P(BusSuite, delivers_nothing_after_a_subscription_is_gone) {
  Collected<Message> gone;
  Collected<Message> stays;
  collect("weft.gone", gone);
  collect("weft.gone", stays);
  publish("weft.gone", "1");
  EXPECT_EQ(gone.wait_for(1).size(), 1U);
  on_shard(shard_, [this] { subscriptions_.erase(subscriptions_.begin()); });
  flush(peer());
  publish("weft.gone", "2");
  EXPECT_EQ(stays.wait_for(2).size(), 2U);
  EXPECT_EQ(gone.size(), 1U);
}

TEST_P(BusSuite, lets_a_handler_end_its_own_subscription) {
  Collected<std::string> got;
  std::unique_ptr<Subscription> subscription;
  std::promise<void> held;
  auto made = peer().subscribe(shard_, "weft.self", {}, [&](const Message& message) {
    got.add(message.payload);
    subscription.reset();
  });
  ASSERT_TRUE(made);
  on_shard(shard_, [&] { subscription = *std::move(made); });
  Collected<Message> stays;
  collect("weft.self", stays);
  for (int i = 0; i < 3; ++i) publish("weft.self", std::to_string(i));
  EXPECT_EQ(stays.wait_for(3).size(), 3U);
  on_shard(shard_, [] {});
  EXPECT_THAT(got.now(), testing::ElementsAre("0"));
}

TEST_P(BusSuite, answers_a_request) {
  answer("weft.echo.*", [](const Message& message) { return message.payload + " back"; });
  const auto reply = request("weft.echo.a", "there and");
  ASSERT_TRUE(reply) << reply.error().to_string();
  EXPECT_EQ(reply->payload, "there and back");
}

TEST_P(BusSuite, gives_the_first_of_several_answers) {
  answer("weft.many", [](const Message&) { return "a"; });
  answer("weft.many", [](const Message&) { return "b"; });
  for (int i = 0; i < 20; ++i) {
    const auto reply = request("weft.many", {});
    ASSERT_TRUE(reply) << reply.error().to_string();
    EXPECT_TRUE(reply->payload == "a" || reply->payload == "b");
  }
}

inline async::Task<void> send_requests(Bus* bus, int worker, std::atomic<int>* answered) {
  for (int i = 0; i < 50; ++i) {
    const std::string text = std::to_string(worker) + "/" + std::to_string(i);
    WEFT_CO_TRY(const auto reply,
                co_await bus->request({.subject = "weft.busy", .reply = {}, .headers = {}, .payload = text}, 10s));
    if (reply.payload == text) ++*answered;
  }
  co_return Result<void>();
}

TEST_P(BusSuite, keeps_many_requests_apart) {
  answer("weft.busy", [](const Message& message) { return message.payload; });
  std::atomic<int> answered = 0;
  async::TaskScope scope(shard_);
  for (int worker = 0; worker < 20; ++worker) scope.spawn("requests", send_requests(&bus(), worker, &answered));
  EXPECT_TRUE(eventually([&] { return answered == 1000; })) << answered;
  scope.close_and_wait();
}

TEST_P(BusSuite, tells_at_once_that_nobody_listens) {
  const auto begin = std::chrono::steady_clock::now();
  const auto reply = request("weft.nobody", {}, 15s);
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code(), Errc::unavailable);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
}

TEST_P(BusSuite, tells_the_reply_subject_of_a_message_that_nobody_listens) {
  Collected<Message> heard;
  collect("weft.heard", heard);
  const std::string inbox = bus().new_inbox();
  Collected<Message> told;
  keep(bus().subscribe(shard_, inbox + ".*", {}, [&](Message message) { told.add(std::move(message)); }));
  flush(bus());
  for (const auto* const subject : {"weft.heard", "weft.unheard"}) {
    ASSERT_TRUE(bus().publish(
        {.subject = subject, .reply = inbox + "." + std::string(subject).substr(5), .headers = {}, .payload = "x"}));
  }
  publish("weft.unheard", "whoever sends this wants no answer");
  const auto messages = told.wait_for(1);
  ASSERT_EQ(messages.size(), 1U);
  EXPECT_EQ(messages[0].subject, inbox + ".unheard");
  EXPECT_EQ(messages[0].reply, "");
  EXPECT_EQ(messages[0].header(kStatusHeader), kNobodyListens);
  EXPECT_EQ(messages[0].payload, "");
  EXPECT_EQ(heard.wait_for(1).size(), 1U);
}

TEST_P(BusSuite, ends_a_request_at_its_deadline) {
  Collected<Message> silent;
  collect("weft.silent", silent);
  const auto reply = request("weft.silent", {}, 50ms);
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code(), Errc::deadline_exceeded);
  EXPECT_EQ(silent.wait_for(1).size(), 1U);
}

inline async::Task<void> request_for_ever(Bus* bus, std::promise<Errc>* told) {
  const auto reply = co_await bus->request({.subject = "weft.cancel", .reply = {}, .headers = {}, .payload = {}}, 1h);
  told->set_value(reply ? Errc::internal : reply.error().code());
  co_return Result<void>();
}

TEST_P(BusSuite, cancels_a_request) {
  Collected<Message> silent;
  collect("weft.cancel", silent);
  std::promise<Errc> told;
  async::TaskScope scope(shard_);
  scope.spawn("request", request_for_ever(&bus(), &told));
  EXPECT_EQ(silent.wait_for(1).size(), 1U);
  scope.close_and_wait();
  EXPECT_EQ(told.get_future().get(), Errc::cancelled);
}

TEST_P(BusSuite, collects_several_answers_on_an_inbox) {
  answer("weft.auction", [](const Message&) { return "a"; });
  answer("weft.auction", [](const Message&) { return "b"; });
  const std::string inbox = bus().new_inbox();
  EXPECT_NE(inbox, bus().new_inbox());
  Collected<Message> answers;
  keep(bus().subscribe(shard_, inbox, {}, [&](Message message) { answers.add(std::move(message)); }));
  flush(bus());
  ASSERT_TRUE(bus().publish({.subject = "weft.auction", .reply = inbox, .headers = {}, .payload = {}}));
  EXPECT_THAT(payloads(answers.wait_for(2)), testing::UnorderedElementsAre("a", "b"));
}

TEST_P(BusSuite, refuses_subjects_that_are_none) {
  for (const std::string subject : {"", ".", "a.", ".a", "a..b", "a b", "a.*", "a.>", ">", "a\r\nb"}) {
    const auto outcome = bus().publish({.subject = subject, .reply = {}, .headers = {}, .payload = {}});
    ASSERT_FALSE(outcome) << subject;
    EXPECT_EQ(outcome.error().code(), Errc::invalid_argument) << subject;
  }
  for (const std::string pattern : {"", "a..b", "a.>.b", "a b", "a."}) {
    const auto outcome = bus().subscribe(shard_, pattern, {}, [](const Message&) {});
    ASSERT_FALSE(outcome) << pattern;
    EXPECT_EQ(outcome.error().code(), Errc::invalid_argument) << pattern;
  }
  const auto group = bus().subscribe(shard_, "a", {.queue_group = "a b"}, [](const Message&) {});
  ASSERT_FALSE(group);
  EXPECT_EQ(group.error().code(), Errc::invalid_argument);
  EXPECT_EQ(request("a.*", {}).error().code(), Errc::invalid_argument);
}

TEST_P(BusSuite, carries_the_largest_payload_and_refuses_a_larger_one) {
  Collected<Message> got;
  collect("weft.large", got);
  const std::string largest(bus().info().max_payload, 'x');
  publish("weft.large", largest);
  const auto messages = got.wait_for(1);
  ASSERT_EQ(messages.size(), 1U);
  EXPECT_EQ(messages[0].payload.size(), largest.size());
  const auto outcome = bus().publish({.subject = "weft.large", .reply = {}, .headers = {}, .payload = largest + "x"});
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code(), Errc::resource_exhausted);
}

TEST_P(BusSuite, drops_what_a_slow_handler_has_no_room_for) {
  Collected<std::string> got;
  std::promise<void> begun;
  std::promise<void> go_on;
  auto may_go_on = go_on.get_future();
  async::Shard slow(1);
  slow.start();
  bool first = true;
  std::atomic<std::uint64_t> told{0};
  SubscribeOptions options{.queue_group = {}, .max_pending = 10};
  options.on_dropped = [&](const Message& message) {
    EXPECT_EQ(message.subject, "weft.slow");
    ++told;
  };
  auto made = peer().subscribe(slow, "weft.slow", std::move(options), [&](const Message& message) {
    if (std::exchange(first, false)) {
      begun.set_value();
      may_go_on.wait();
    }
    got.add(message.payload);
  });
  ASSERT_TRUE(made);
  Collected<Message> witness;
  collect("weft.slow", witness);
  publish("weft.slow", "0");
  begun.get_future().wait();
  const std::uint64_t before = peer().dropped();
  for (int i = 1; i <= 100; ++i) publish("weft.slow", std::to_string(i));
  EXPECT_EQ(witness.wait_for(101).size(), 101U);
  EXPECT_TRUE(eventually([&] { return peer().dropped() > before; }));
  EXPECT_TRUE(eventually([&] { return peer().dropped() - before == told && told > 0; }));
  go_on.set_value();
  EXPECT_GE(got.wait_for(2).size(), 2U);
  EXPECT_EQ(got.now()[0], "0");
  EXPECT_EQ(got.now()[1], "1");
  on_shard(slow, [&] { made->reset(); });
  EXPECT_LT(got.size(), 101U);
}

TEST_P(BusSuite, tells_its_state_now_and_when_it_is_closed) {
  Collected<BusState> states;
  subscriptions_.push_back(bus().on_state(shard_, [&](BusState state) { states.add(state); }));
  EXPECT_THAT(states.wait_for(1), testing::ElementsAre(BusState::connected));
  EXPECT_EQ(bus().state(), BusState::connected);
  ASSERT_TRUE(async::run_on_shard_and_wait(shard_, bus().drain(10s)));
  EXPECT_EQ(states.wait_for(2).back(), BusState::closed);
  EXPECT_EQ(bus().state(), BusState::closed);
}

TEST_P(BusSuite, handles_what_has_arrived_before_it_is_drained) {
  Collected<std::string> got;
  std::promise<void> begun;
  std::promise<void> go_on;
  auto may_go_on = go_on.get_future();
  async::Shard slow(1);
  slow.start();
  bool first = true;
  auto made = bus().subscribe(slow, "weft.drain", {}, [&](const Message& message) {
    if (std::exchange(first, false)) {
      begun.set_value();
      may_go_on.wait();
    }
    got.add(message.payload);
  });
  ASSERT_TRUE(made);
  Collected<Message> witness;
  keep(bus().subscribe(shard_, "weft.drain", {}, [&](Message message) { witness.add(std::move(message)); }));
  flush(bus());
  for (int i = 0; i < 10; ++i) publish("weft.drain", std::to_string(i));
  begun.get_future().wait();
  EXPECT_EQ(witness.wait_for(10).size(), 10U);
  std::thread releaser([&] { go_on.set_value(); });
  EXPECT_TRUE(async::run_on_shard_and_wait(shard_, bus().drain(20s)));
  releaser.join();
  EXPECT_EQ(got.wait_for(10).size(), 10U);
  on_shard(slow, [&] { made->reset(); });
  const auto late = bus().publish({.subject = "weft.drain", .reply = {}, .headers = {}, .payload = {}});
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code(), Errc::unavailable);
  const auto subscription = bus().subscribe(shard_, "weft.drain", {}, [](const Message&) {});
  ASSERT_FALSE(subscription);
  EXPECT_EQ(subscription.error().code(), Errc::unavailable);
}

TEST_P(BusSuite, is_used_by_many_threads_at_once) {
  Collected<Message> got;
  collect("weft.threads.*", got);
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = 0; i < 250; ++i) publish("weft.threads." + std::to_string(thread), std::to_string(i));
    });
  }
  for (auto& thread : threads) thread.join();
  const auto messages = got.wait_for(1000);
  ASSERT_EQ(messages.size(), 1000U);
  std::map<std::string, int> next;
  for (const auto& message : messages) EXPECT_EQ(message.payload, std::to_string(next[message.subject]++));
}

TEST_P(BusSuite, opens_buckets_or_says_that_it_has_none) {
  const auto bucket = async::run_on_shard_and_wait(shard_, bus().open_bucket("weft_suite"));
  if (!GetParam().has_buckets) {
    ASSERT_FALSE(bucket);
    EXPECT_EQ(bucket.error().code(), Errc::unsupported);
    return;
  }
  ASSERT_TRUE(bucket) << bucket.error().to_string();
  EXPECT_EQ((*bucket)->name(), "weft_suite");
  EXPECT_EQ(async::run_on_shard_and_wait(shard_, bus().open_bucket("a.b")).error().code(), Errc::invalid_argument);
}

}  // namespace weft::bus
