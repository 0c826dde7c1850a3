// SPDX-License-Identifier: Apache-2.0
// The provider messaging-nats on a real server, between a client of that server and a component that the test plays.
#include "builtins/messaging-nats/messaging_nats.hpp"

#include <gmock/gmock.h>

#include <boost/json.hpp>

#include "async/shard_call.hpp"
#include "base/eventually.hpp"
#include "builtins/messaging-nats/delivery.hpp"
#include "builtins/provider_stage.hpp"
#include "bus/nats_bus.hpp"
#include "bus/test_wait.hpp"
#include "support/nats_server.hpp"

namespace weft::builtins::messaging_nats {
namespace {

using namespace std::chrono_literals;
using bus::testing_support::Collected;
using bus::testing_support::on_shard;
using testing::HasSubstr;
using testing_support::eventually;
namespace json = boost::json;

constexpr std::string_view kConsumer = "wasmcloud:messaging/consumer@0.2.0";
using Published = std::expected<void, std::string>;
using Requested = std::expected<BrokerMessage, std::string>;
using Handled = std::expected<void, std::string>;

class MessagingNatsTest : public ProviderStage {
 protected:
  void SetUp() override {
    server_ = test::NatsServer::start();
    if (!server_) GTEST_SKIP() << test::NatsServer::why_not();
    shard_.start();
    bus::NatsOptions options;
    options.urls = {server_->url()};
    client_ = *bus::NatsBus::connect(options);
    start(factory(), {{"cluster_uris", server_->url()}});
  }
  ~MessagingNatsTest() override {
    stop();
    on_shard(shard_, [this] { subscriptions_.clear(); });
    client_.reset();
    shard_.stop();
  }

  template <class T>
  Result<T> wait(async::Task<T> task) {
    return async::run_on_shard_and_wait(shard_, std::move(task));
  }
  static bus::Message message(std::string subject, std::string payload = {}) {
    return {.subject = std::move(subject), .reply = {}, .headers = {}, .payload = std::move(payload)};
  }
  void flush() { ASSERT_TRUE(wait(client_->flush(10s))); }
  void publish(const std::string& subject, const std::string& payload) {
    ASSERT_TRUE(client_->publish(message(subject, payload)));
    flush();
  }
  void listen(const std::string& subject, bus::MessageHandler handler) {
    auto subscription = client_->subscribe(shard_, subject, {}, std::move(handler));
    ASSERT_TRUE(subscription);
    subscriptions_.push_back(*std::move(subscription));
    flush();
  }
  json::object api(const std::string& verb, const std::string& body = {}) {
    const auto answer = wait(client_->request(message("$JS.API." + verb, body), 10s));
    EXPECT_TRUE(answer) << answer.error().to_string();
    return answer ? json::parse(answer->payload).as_object() : json::object();
  }
  /// A stream S of jobs.> with the pull consumer C.
  void make_consumer(int ack_wait_ms = 30'000) {
    EXPECT_FALSE(api("STREAM.CREATE.S", R"({"name":"S","subjects":["jobs.>"],"storage":"memory"})").contains("error"));
    const auto made = api("CONSUMER.DURABLE.CREATE.S.C",
                          R"({"stream_name":"S","config":{"durable_name":"C","ack_policy":"explicit","ack_wait":)" +
                              std::to_string(ack_wait_ms) + "000000}}");
    EXPECT_FALSE(made.contains("error")) << json::serialize(made);
  }
  std::int64_t consumer_figure(std::string_view name) {
    return api("CONSUMER.INFO.S.C").at(name).to_number<std::int64_t>();
  }

  static BrokerMessage given(const PlayedComponent::Received& call) { return *decode<BrokerMessage>(call.params); }
  static std::optional<Result<std::vector<std::byte>>> fine(const PlayedComponent::Received& /*call*/) {
    return encode(Handled());
  }
  static std::optional<Result<std::vector<std::byte>>> later(const PlayedComponent::Received& /*call*/) {
    return std::nullopt;
  }
  Published send(const std::string& subject, const std::string& body, std::optional<std::string> reply_to = {}) {
    const auto done =
        caller_.call<Published>(*target_, kConsumer, "publish",
                                BrokerMessage{.subject = subject, .body = {body}, .reply_to = std::move(reply_to)});
    EXPECT_TRUE(done) << done.error().to_string();
    return done ? *done : Published(std::unexpected("the call failed"));
  }
  Requested ask(const std::string& subject, const std::string& body, std::uint32_t timeout_ms) {
    const auto done = caller_.call<Requested>(*target_, kConsumer, "request", subject, ByteText{body}, timeout_ms);
    EXPECT_TRUE(done) << done.error().to_string();
    return done ? *done : Requested(std::unexpected("the call failed"));
  }

  std::unique_ptr<test::NatsServer> server_;
  async::Shard shard_{0};
  std::unique_ptr<bus::NatsBus> client_;
  std::vector<std::unique_ptr<bus::Subscription>> subscriptions_;
};

TEST_F(MessagingNatsTest, publishes_what_a_component_gives_it) {
  put(link_to("messaging", {}));
  Collected<bus::Message> got;
  listen("out.>", [&](bus::Message arrived) { got.add(std::move(arrived)); });
  caller_.context.trace_parent = "00-1-2-01";
  EXPECT_TRUE(send("out.a", "body", "back.here"));
  EXPECT_TRUE(send("out.b", std::string(std::size_t{1} << 19, 'x')));
  const auto all = got.wait_for(2);
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].subject, "out.a");
  EXPECT_EQ(all[0].payload, "body");
  EXPECT_EQ(all[0].reply, "back.here");
  EXPECT_EQ(all[0].header("traceparent"), "00-1-2-01");
  EXPECT_EQ(all[1].payload.size(), std::size_t{1} << 19);
  EXPECT_FALSE(send("no subject", ""));
  EXPECT_FALSE(send("out.c", std::string(2'000'000, 'x')));
}

TEST_F(MessagingNatsTest, requests_are_answered_or_end_at_their_own_time) {
  put(link_to("messaging", {}));
  listen("echo", [&](const bus::Message& asked) {
    EXPECT_TRUE(client_->publish({.subject = asked.reply, .reply = {}, .headers = {}, .payload = asked.payload + "!"}));
  });
  listen("silence", [](const bus::Message&) {});
  const auto answer = ask("echo", "hello", 10'000);
  ASSERT_TRUE(answer) << answer.error();
  EXPECT_EQ(answer->body.text, "hello!");
  EXPECT_EQ(answer->reply_to, std::nullopt);
  const auto began = std::chrono::steady_clock::now();
  EXPECT_THAT(ask("silence", "", 50).error(), HasSubstr("50 ms"));
  EXPECT_LT(std::chrono::steady_clock::now() - began, 5s);
  EXPECT_FALSE(ask("nobody", "", 10'000));
  EXPECT_FALSE(ask("nobody", "", 0));
}

TEST_F(MessagingNatsTest, a_component_without_a_link_is_told) {
  EXPECT_THAT(send("out", "").error(), HasSubstr("has no connection over its link"));
  put(link_to("messaging", {}));
  EXPECT_TRUE(send("out", ""));
  target_->delete_link(link_to("messaging", {}));
  EXPECT_FALSE(send("out", ""));
}

TEST_F(MessagingNatsTest, delivers_subscriptions_to_the_handler) {
  component_->answer_with(fine);
  put(link_from("messaging", "handler", {{"subscriptions", "in.*,work|group"}}, "news"));
  flush();
  ASSERT_TRUE(client_->publish(
      {.subject = "in.a", .reply = "answers", .headers = {{"traceparent", "00-1"}}, .payload = "one"}));
  publish("work", "two");
  publish("other", "three");
  const auto calls = component_->wait_for(2);
  ASSERT_EQ(calls.size(), 2U);
  EXPECT_EQ(calls[0]->call.link_name, "news");
  EXPECT_EQ(calls[0]->call.link_interface, "wasmcloud:messaging/handler");
  EXPECT_EQ(calls[0]->call.interface, "wasmcloud:messaging/handler@0.2.0");
  EXPECT_EQ(calls[0]->call.function, "handle-message");
  EXPECT_EQ(calls[0]->call.trace_parent, "00-1");
  EXPECT_EQ(given(*calls[0]).subject, "in.a");
  EXPECT_EQ(given(*calls[0]).body.text, "one");
  EXPECT_EQ(given(*calls[0]).reply_to, "answers");
  EXPECT_EQ(given(*calls[1]).reply_to, std::nullopt);
  target_->delete_link(link_from("messaging", "handler", {}, "news"));
  publish("in.a", "four");
  EXPECT_EQ(component_->received(), 2U);
}

TEST_F(MessagingNatsTest, a_slow_handler_is_waited_for_and_nothing_is_lost) {
  component_->answer_with(later);
  put(link_from("messaging", "handler", {{"subscriptions", "in"}}));
  constexpr std::size_t kMessages = Delivery::kMaxUnderWay * 3;
  for (std::size_t index = 0; index < kMessages; ++index)
    ASSERT_TRUE(client_->publish(message("in", std::to_string(index))));
  flush();
  std::size_t answered = 0;
  std::set<std::string> seen;
  while (answered < kMessages) {
    const auto calls = component_->wait_for(std::min(answered + Delivery::kMaxUnderWay, kMessages));
    ASSERT_LE(calls.size(), answered + Delivery::kMaxUnderWay) << "more under way than allowed";
    ASSERT_GT(calls.size(), answered);
    seen.insert(given(*calls[answered]).body.text);
    calls[answered++]->done(*encode(Handled()));
  }
  EXPECT_EQ(seen.size(), kMessages);
  EXPECT_THAT(log(), testing::Not(HasSubstr("warning")));
}

TEST_F(MessagingNatsTest, what_a_handler_fails_is_told_once) {
  component_->answer_with([](const PlayedComponent::Received& call) -> std::optional<Result<std::vector<std::byte>>> {
    if (given(call).body.text == "bad") return encode(Handled(std::unexpected("not for me")));
    if (given(call).body.text == "trap") return Result<std::vector<std::byte>>(Error(Errc::trap, "it trapped"));
    return encode(Handled());
  });
  put(link_from("messaging", "handler", {{"subscriptions", "in"}}));
  for (const char* text : {"bad", "trap", "fine"}) publish("in", text);
  EXPECT_TRUE(eventually([&] { return log().contains("2 were not"); })) << log();
  EXPECT_THAT(log(), HasSubstr("not for me"));
}

TEST_F(MessagingNatsTest, acknowledges_after_the_handler_and_repeats_what_it_failed) {
  make_consumer();
  for (const char* text : {"1", "2", "3"}) publish("jobs.x", text);
  component_->answer_with(later);
  put(link_from("messaging", "handler", {{"consumers", R"([{"stream":"S","consumer":"C","max_messages":2}])"}}));
  auto calls = component_->wait_for(2);
  ASSERT_EQ(calls.size(), 2U) << log();
  EXPECT_EQ(given(*calls[0]).subject, "jobs.x");
  EXPECT_EQ(given(*calls[0]).body.text, "1");
  EXPECT_EQ(given(*calls[0]).reply_to, std::nullopt);
  EXPECT_EQ(consumer_figure("num_ack_pending"), 2) << "not before the handler has answered";
  calls[0]->done(*encode(Handled()));
  calls[1]->done(*encode(Handled(std::unexpected("try again"))));
  calls = component_->wait_for(4);
  ASSERT_EQ(calls.size(), 4U) << log();
  EXPECT_EQ((std::multiset<std::string>{given(*calls[2]).body.text, given(*calls[3]).body.text}),
            (std::multiset<std::string>{"2", "3"}));
  calls[2]->done(*encode(Handled()));
  calls[3]->done(*encode(Handled()));
  EXPECT_TRUE(eventually([&] { return consumer_figure("num_ack_pending") == 0; }));
  EXPECT_EQ(consumer_figure("num_pending"), 0);
  EXPECT_THAT(log(), HasSubstr("try again"));
}

TEST_F(MessagingNatsTest, a_handler_slower_than_the_server_waits_gets_a_message_once) {
  make_consumer(1'000);
  component_->answer_with(later);
  put(link_from("messaging", "handler", {{"consumers", R"([{"stream":"S","consumer":"C"}])"}}));
  publish("jobs.x", "slow");
  ASSERT_EQ(component_->wait_for(1).size(), 1U);
  Collected<std::string> progress;
  listen("$JS.ACK.S.C.>", [&](const bus::Message& told) { progress.add(told.payload); });
  EXPECT_GE(progress.wait_for(5).size(), 5U) << "five thirds of what the server waits";
  EXPECT_EQ(component_->received(), 1U);
  component_->wait_for(1)[0]->done(*encode(Handled()));
  EXPECT_TRUE(eventually([&] { return consumer_figure("num_ack_pending") == 0; }));
  EXPECT_EQ(component_->received(), 1U);
}

TEST_F(MessagingNatsTest, pulls_a_great_number_through_a_server_that_is_killed) {
  component_->answer_with(fine);
  put(link_from("messaging", "handler", {{"consumers", R"([{"stream":"S","consumer":"C","max_messages":20}])"}}));
  EXPECT_TRUE(eventually([&] { return log().contains("nats consumer add S C --pull"); })) << log();
  EXPECT_FALSE(api("STREAM.CREATE.S", R"({"name":"S","subjects":["jobs.>"]})").contains("error"));
  EXPECT_FALSE(api("CONSUMER.DURABLE.CREATE.S.C",
                   R"({"stream_name":"S","config":{"durable_name":"C","ack_policy":"explicit","ack_wait":1000000000}})")
                   .contains("error"));
  constexpr int kMessages = 500;
  for (int index = 0; index < kMessages; ++index) {
    // One that the killed server did not acknowledge may be stored twice.
    ASSERT_TRUE(eventually([&] { return bool(wait(client_->request(message("jobs.x", std::to_string(index)), 2s))); }));
    if (index == kMessages / 2) {
      ASSERT_TRUE(server_->start_again(test::Data::keep));
      ASSERT_TRUE(eventually([&] { return client_->state() == bus::BusState::connected; }));
    }
  }
  EXPECT_TRUE(eventually([&] {
    std::set<std::string> seen;
    for (const auto& call : component_->wait_for(0)) seen.insert(given(*call).body.text);
    return seen.size() == kMessages;
  })) << component_->received()
      << log();
  EXPECT_TRUE(eventually([&] { return consumer_figure("num_ack_pending") == 0; }));
}

TEST_F(MessagingNatsTest, subscriptions_come_back_with_the_server) {
  component_->answer_with(fine);
  put(link_from("messaging", "handler", {{"subscriptions", "in"}}));
  ASSERT_TRUE(server_->start_again(test::Data::keep));
  EXPECT_TRUE(eventually([&] {
    static_cast<void>(client_->publish(message("in", "again")));
    return component_->received() > 0;
  }));
}

TEST_F(MessagingNatsTest, a_link_that_cannot_be_is_refused) {
  EXPECT_FALSE(target_->put_link(link_from("messaging", "handler", {{"consumers", "x"}})));
  EXPECT_FALSE(target_->put_link(link_from("messaging", "handler", {{"subscriptions", "a..b"}})));
  EXPECT_FALSE(target_->put_link(link_to("messaging", {{"client_jwt", "x"}})));
}

TEST_F(MessagingNatsTest, stopping_gives_back_what_has_not_begun) {
  make_consumer();
  component_->answer_with(later);
  put(link_from("messaging", "handler", {{"consumers", R"([{"stream":"S","consumer":"C"}])"}}));
  publish("jobs.x", "1");
  const auto calls = component_->wait_for(1);
  ASSERT_EQ(calls.size(), 1U);
  std::thread stopping([this] { stop(); });
  // A stop waits for the handler, whose message is then acknowledged.
  calls[0]->done(*encode(Handled()));
  stopping.join();
  EXPECT_EQ(consumer_figure("num_ack_pending"), 0);
}

}  // namespace
}  // namespace weft::builtins::messaging_nats
