// SPDX-License-Identifier: Apache-2.0
// A host's half of the talk with a provider, on a bus in memory; the provider is a few subscriptions.
#include "host/provider_talk.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "async/shard_call.hpp"
#include "async/task_scope.hpp"
#include "bus/memory_bus.hpp"
#include "bus/test_wait.hpp"
#include "wire/event.hpp"

namespace weft::host {
namespace {

using namespace std::chrono_literals;
using bus::testing_support::eventually;
using bus::testing_support::on_shard;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

wire::KeyPair curve_pair(std::uint8_t number) {
  return wire::KeyPair::from_entropy(wire::KeyKind::curve, wire::KeyBytes{0, number});
}

/// "put NAME VALUE" and the like: what a test looks at of one message.
std::string summary(const bus::Message& message) {
  if (message.subject.ends_with("config.update")) {
    return "config " + message.payload;
  }
  const auto link = wire::decode_link_definition(message.payload);
  if (!link) {
    return "unreadable";
  }
  const auto value = link->target_config.find("v");
  return (message.subject.ends_with(".put") ? "put " : "del ") + link->name + " " +
         (value == link->target_config.end() ? "-" : value->second);
}

class ProviderTalkTest : public testing::Test {
 protected:
  void SetUp() override {
    shard_.start();
    on_shard(shard_, [this] {
      listen("wasmbus.rpc.shop.kv.linkdefs.*");
      listen("wasmbus.rpc.shop.kv.config.update");
      listen("wasmbus.rpc.shop." + provider_key_.public_text() + ".linkdefs.put");
      subscriptions_.push_back(*bus_.subscribe(shard_, "wasmbus.evt.shop.*", {}, [this](const bus::Message& message) {
        const auto event = wire::decode_event(message.payload);
        events_log_.add(event ? event->name + " " + event->data : "unreadable");
      }));
    });
  }
  void TearDown() override {
    scope_.close_and_wait();
    on_shard(shard_, [this] { subscriptions_.clear(); });
    shard_.stop();
  }

  void listen(const std::string& subject) {
    subscriptions_.push_back(
        *bus_.subscribe(shard_, subject, {}, [this](const bus::Message& message) { heard_.add(message); }));
  }
  /// Answers questions about its health with what `reply_` says.
  void answer() {
    on_shard(shard_, [this] {
      subscriptions_.push_back(
          *bus_.subscribe(shard_, "wasmbus.rpc.shop.kv.health", {}, [this](const bus::Message& message) {
            ++asked_;
            (void)bus_.publish({.subject = message.reply, .reply = {}, .headers = {}, .payload = reply_});
          }));
    });
  }
  void reply(const std::string& text) {
    on_shard(shard_, [&] { reply_ = text; });
  }
  void talk(const std::function<void(ProviderTalk&)>& say) {
    on_shard(shard_, [&] { say(talk_); });
  }
  /// What came since the last call, in order.
  std::vector<std::string> heard() {
    // What was said before this has arrived.
    (void)async::run_on_shard_and_wait(shard_, bus_.flush(5s));
    on_shard(shard_, [] {});
    std::vector<std::string> lines;
    const auto all = heard_.now();
    for (std::size_t at = seen_; at < all.size(); ++at) {
      lines.push_back(summary(all[at]));
    }
    seen_ = all.size();
    return lines;
  }
  static ResolvedLink link(const std::string& name, const std::string& value) {
    ResolvedLink resolved;
    resolved.link = {.source_id = "cart",
                     .target = "kv",
                     .name = name,
                     .wit_namespace = "wasi",
                     .wit_package = "keyvalue",
                     .interfaces = {"store"},
                     .source_config = {},
                     .target_config = {{"v", value}},
                     .source_secrets = {},
                     .target_secrets = {}};
    return resolved;
  }
  static Provision provision(std::vector<ResolvedLink> links, wire::StringMap config = {}) {
    return {.config = std::move(config), .secrets = {}, .links = std::move(links)};
  }

  async::Shard shard_{0};
  bus::MemoryBus bus_;
  lattice::EventPublisher events_{bus_, "shop", "N1", {.id = [] { return "id"; }, .time = [] { return "now"; }}};
  wire::KeyPair host_key_ = curve_pair(1);
  wire::KeyPair provider_key_ = curve_pair(2);
  std::vector<std::string> warnings_;
  ProviderTalk talk_{bus_,
                     events_,
                     host_key_,
                     provider_key_.public_key(),
                     TalkConfig{.lattice = "shop",
                                .host_id = "N1",
                                .provider_id = "kv",
                                .health_delay = 1ms,
                                .health_interval = 1ms,
                                .timeout = 1s},
                     [this](const std::string& line) { warnings_.push_back(line); }};
  std::vector<std::unique_ptr<bus::Subscription>> subscriptions_;
  bus::testing_support::Collected<bus::Message> heard_;
  bus::testing_support::Collected<std::string> events_log_;
  std::size_t seen_ = 0;
  std::string reply_ = R"({"healthy":true})";
  int asked_ = 0;
  async::TaskScope scope_{shard_};
};

TEST_F(ProviderTalkTest, a_link_that_comes_is_put_and_one_that_changes_is_deleted_before) {
  talk([](auto& it) { (void)it.born(provision({link("a", "1")})); });
  EXPECT_THAT(heard(), IsEmpty()) << "it has that in its document";
  talk([](auto& it) { it.put_link(link("b", "1")); });
  EXPECT_THAT(heard(), ElementsAre("put b 1"));
  talk([](auto& it) { it.put_link(link("a", "2")); });
  EXPECT_THAT(heard(), ElementsAre("del a -", "put a 2"));
  talk([](auto& it) { it.put_link(link("a", "2")); });
  EXPECT_THAT(heard(), IsEmpty()) << "nothing has changed";
  talk([](auto& it) { it.delete_link(link("a", "").link); });
  EXPECT_THAT(heard(), IsEmpty()) << "whoever took the command tells of it";
  talk([](auto& it) { it.put_link(link("a", "2")); });
  EXPECT_THAT(heard(), ElementsAre("put a 2"));
}

TEST_F(ProviderTalkTest, puts_go_to_the_process_and_deletions_to_its_id) {
  talk([](auto& it) {
    (void)it.born(provision({link("a", "1")}));
    it.put_link(link("a", "2"));
  });
  const auto messages = heard_.wait_for(2);
  EXPECT_EQ(messages[0].subject, "wasmbus.rpc.shop.kv.linkdefs.del");
  EXPECT_EQ(messages[1].subject, "wasmbus.rpc.shop." + provider_key_.public_text() + ".linkdefs.put");
}

TEST_F(ProviderTalkTest, what_may_have_been_missed_is_told_again) {
  talk([](auto& it) {
    (void)it.born(provision({link("gone", "1"), link("changed", "1"), link("kept", "1")}, {{"n", "1"}}));
    it.delete_link(link("gone", "").link);
    it.put_link(link("changed", "2"));
    it.put_link(link("new", "1"));
    it.update_config({{"n", "2"}});
  });
  static_cast<void>(heard());
  talk([](auto& it) { it.tell_again(); });
  EXPECT_THAT(heard(), ElementsAre("del changed -", "del gone -", "put changed 2", "put kept 1", "put new 1",
                                   R"(config {"n":"2"})"));
}

TEST_F(ProviderTalkTest, where_nothing_was_missed_only_links_are_told_again) {
  talk([](auto& it) {
    (void)it.born(provision({link("a", "1")}, {{"n", "1"}}));
    it.tell_again();
  });
  EXPECT_THAT(heard(), ElementsAre("put a 1"));
}

TEST_F(ProviderTalkTest, nothing_is_said_while_there_is_no_process) {
  talk([](auto& it) {
    (void)it.born(provision({}));
    it.gone();
    it.put_link(link("a", "1"));
    it.update_config({{"n", "1"}});
  });
  EXPECT_THAT(heard(), IsEmpty());
}

TEST_F(ProviderTalkTest, secrets_are_sealed_for_the_provider_and_nobody_else) {
  auto secret = link("a", "1");
  secret.target_secrets = {{"password", {wire::SecretValue::Kind::text, "hunter2"}}};
  std::vector<wire::LinkDefinition> told;
  talk([&](auto& it) { told = it.born(provision({secret})); });
  ASSERT_EQ(told.size(), 1U);
  EXPECT_FALSE(told[0].source_secrets);
  const auto opened = wire::open_secrets(told[0].target_secrets, provider_key_, host_key_.public_key());
  ASSERT_TRUE(opened);
  EXPECT_EQ(*opened, secret.target_secrets);
  EXPECT_FALSE(wire::open_secrets(told[0].target_secrets, curve_pair(3), host_key_.public_key()));
  secret.target_secrets["password"].value = "other";
  talk([&](auto& it) { it.put_link(secret); });
  const auto messages = heard_.wait_for(2);
  EXPECT_THAT(messages[0].payload, HasSubstr(R"("target_secrets":null)")) << "nothing to open in a deletion";
  const auto put = wire::decode_link_definition(messages[1].payload);
  ASSERT_TRUE(put);
  EXPECT_EQ(wire::open_secrets(put->target_secrets, provider_key_, host_key_.public_key())->at("password").value,
            "other");
}

TEST_F(ProviderTalkTest, the_first_answer_is_waited_for) {
  talk([](auto& it) { (void)it.born(provision({})); });
  bus::testing_support::Collected<wire::HealthReply> answers;
  const auto wait = [](ProviderTalk* talk, auto* into) -> async::Task<void> {
    WEFT_CO_TRY(auto reply, co_await talk->first_answer([] { return false; }));
    into->add(std::move(reply));
    co_return Result<void>();
  };
  scope_.spawn("first answer", wait(&talk_, &answers));
  reply(R"({"healthy":false,"message":"no disk"})");
  answer();
  const auto got = answers.wait_for(1);
  ASSERT_EQ(got.size(), 1U);
  EXPECT_FALSE(got[0].healthy);
  talk([](auto& it) {
    EXPECT_EQ(it.health(), ProviderTalk::Health::unhealthy);
    EXPECT_EQ(it.health_message(), "no disk");
  });
}

TEST_F(ProviderTalkTest, nobody_waits_for_one_that_has_ended) {
  const auto answered = async::run_on_shard_and_wait(shard_, talk_.first_answer([] { return true; }));
  ASSERT_FALSE(answered);
  EXPECT_EQ(answered.error().code(), Errc::cancelled);
}

// Data-plane facts 4.7: which reply after which state is which event.
TEST_F(ProviderTalkTest, changes_of_health_are_events) {
  const auto next = [this](const std::string& text) {
    const auto before = events_log_.size();
    reply(text);
    // The first that comes now may still be about the reply before.
    const auto all = events_log_.wait_for(before + 3);
    return std::vector(all.begin() + static_cast<std::ptrdiff_t>(before),
                       all.begin() + static_cast<std::ptrdiff_t>(before) + 3);
  };
  const std::string data = R"( {"host_id":"N1","provider_id":"kv"})";
  reply(R"({"healthy":false})");
  answer();
  scope_.spawn("health", talk_.follow_health());
  EXPECT_EQ(events_log_.wait_for(1).at(0), "health_check_status" + data)
      << "one that is not healthy from the beginning has not failed";
  EXPECT_THAT(next(R"({"healthy":true})"), testing::Contains("health_check_passed" + data));
  EXPECT_THAT(next(R"({"healthy":true})"), testing::Each("health_check_status" + data));
  EXPECT_THAT(next(R"({"message":"a reply that does not say so is not healthy"})"),
              testing::Contains("health_check_failed" + data));
  EXPECT_THAT(next(R"({"healthy":false})"), testing::Each("health_check_status" + data));
}

TEST_F(ProviderTalkTest, what_is_no_answer_is_no_event) {
  reply("nonsense");
  answer();
  talk([](auto& it) { (void)it.born(provision({})); });
  scope_.spawn("health", talk_.follow_health());
  ASSERT_TRUE(eventually([this] {
    bool warned = false;
    on_shard(shard_, [&] { warned = asked_ > 2 && !warnings_.empty(); });
    return warned;
  }));
  EXPECT_EQ(events_log_.size(), 0U);
}

TEST_F(ProviderTalkTest, is_asked_to_stop_by_this_host) {
  bus::testing_support::Collected<std::string> asked;
  EXPECT_FALSE(async::run_on_shard_and_wait(shard_, talk_.ask_to_stop(100ms))) << "nobody listens";
  on_shard(shard_, [&] {
    subscriptions_.push_back(
        *bus_.subscribe(shard_, "wasmbus.rpc.shop.kv.default.shutdown", {}, [&](const bus::Message& message) {
          asked.add(message.payload);
          (void)bus_.publish({.subject = message.reply, .reply = {}, .headers = {}, .payload = "shutting down"});
        }));
  });
  EXPECT_TRUE(async::run_on_shard_and_wait(shard_, talk_.ask_to_stop(5s)));
  EXPECT_EQ(wire::decode_shutdown_request(asked.wait_for(1).at(0))->host_id, "N1");
}

}  // namespace
}  // namespace weft::host
