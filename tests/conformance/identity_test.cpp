// SPDX-License-Identifier: Apache-2.0
// Identity, start-up, heartbeat and shutdown. Source: control-plane facts 1, 2.2, 2.5, 2.7, 3.7, 5.5, 11.
#include <array>
#include <regex>

#include "conformance/lattice_fixture.hpp"
#include "wire/nkey.hpp"

namespace weft::conformance {
namespace {

using namespace std::chrono_literals;

class IdentityTest : public LatticeTest {};

wire::KeyPair key_of(wire::KeyKind kind) {
  std::array<std::uint8_t, 32> entropy{};
  entropy.fill(7);
  return wire::KeyPair::from_entropy(kind, entropy);
}

TEST_F(IdentityTest, a_server_seed_gives_the_host_id) {
  const auto key = key_of(wire::KeyKind::server);
  config_.host_seed = key.seed();
  up();
  EXPECT_EQ(host_id(), key.public_text());
  EXPECT_EQ(host_id().size(), 56U);
  EXPECT_EQ(host_id().front(), 'N');
}

TEST_F(IdentityTest, any_other_seed_fails_the_start) {
  for (const auto kind : {wire::KeyKind::user, wire::KeyKind::account, wire::KeyKind::module_, wire::KeyKind::curve}) {
    config_.host_seed = key_of(kind).seed();
    EXPECT_FALSE(host_->join(config_)) << wire::to_string(kind);
  }
  config_.host_seed = "SNOTASEED";
  EXPECT_FALSE(host_->join(config_));
}

TEST_F(IdentityTest, without_a_seed_every_start_is_a_new_host_with_a_new_name) {
  up();
  const auto id = host_id();
  const auto name = member_->friendly_name();
  down();
  up();
  EXPECT_NE(host_id(), id);
  EXPECT_TRUE(std::regex_match(name, std::regex("[a-z]+-[a-z]+-[0-9]{4}"))) << name;
}

TEST_F(IdentityTest, the_version_is_semantic_and_the_labels_have_rusts_names) {
  config_.labels = {{"zone", "b"}, {"hostcore.os", "special"}};
  up();
  const auto host = ask("host.ping").response();
  EXPECT_TRUE(std::regex_match(std::string(host.at("version").as_string()),
                               std::regex("[0-9]+\\.[0-9]+\\.[0-9]+([-+][0-9A-Za-z.-]+)?")));
  const auto labels = host.at("labels");
#if defined(__x86_64__)
  EXPECT_EQ(labels.at("hostcore.arch"), json::value("x86_64"));
#elif defined(__aarch64__)
  EXPECT_EQ(labels.at("hostcore.arch"), json::value("aarch64"));
#endif
  EXPECT_EQ(labels.at("hostcore.osfamily"), json::value("unix"));
  EXPECT_EQ(labels.at("zone"), json::value("b"));
  EXPECT_EQ(labels.at("hostcore.os"), json::value("special")) << "at the start a label may replace one of the host's";
}

TEST_F(IdentityTest, a_lattice_name_is_one_token) {
  for (const auto* name : {"", "a.b", "a b", "ü", "*"}) {
    config_.lattice = name;
    EXPECT_FALSE(host_->join(config_)) << name;
  }
}

TEST_F(IdentityTest, the_start_fails_without_jetstream) {
  auto bare = test::NatsServer::start({.jetstream = false, .domain = {}, .configuration = {}});
  ASSERT_NE(bare, nullptr);
  config_.nats->urls = {bare->url()};
  const auto member = host_->join(config_);
  ASSERT_FALSE(member);
  EXPECT_NE(member.error().to_string().find("JetStream"), std::string::npos) << member.error().to_string();
}

TEST_F(IdentityTest, the_start_fails_without_a_server) {
  config_.nats->urls = {"nats://127.0.0.1:1"};
  EXPECT_FALSE(host_->join(config_));
}

TEST_F(IdentityTest, credentials_are_a_pair) {
  config_.nats->user_jwt = "eyJ0eXAiOiJKV1QifQ.e30.x";
  EXPECT_FALSE(host_->join(config_)) << "a token without its seed";
}

// All subscriptions, with 1.9's queue groups, before host_started: a second host in the group would otherwise carry
// links and configurations out twice.
TEST_F(IdentityTest, subscriptions_and_queue_groups_are_those_of_1_9) {
  auto monitored =
      test::NatsServer::start({.jetstream = true, .domain = {}, .configuration = "debug: true\ntrace: true\n"});
  ASSERT_NE(monitored, nullptr);
  config_.nats->urls = {monitored->url()};
  up();
  const auto told = std::string("[PUB wasmbus.evt.") + kLattice + ".host_started";
  ASSERT_TRUE(eventually([&] { return monitored->log().find(told) != std::string::npos; }));
  const auto log = monitored->log();
  const auto base = std::string("wasmbus.ctl.v1.") + kLattice;
  const auto at = [&log](const std::string& text) { return log.find(text); };
  const auto plain = {base + ".registry.put",
                      base + ".host.ping",
                      base + ".component.auction",
                      base + ".provider.auction",
                      base + ".component.*." + host_id(),
                      base + ".provider.*." + host_id(),
                      base + ".label.*." + host_id(),
                      base + ".host.*." + host_id()};
  const auto started = at(told);
  for (const auto& subject : plain) {
    // "SUB subject  12": two blanks where a queue group would be.
    EXPECT_TRUE(std::regex_search(
        log, std::regex("\\[SUB " + std::regex_replace(subject, std::regex("([.*])"), "\\$1") + "\\s+[0-9]+\\]")))
        << subject;
    EXPECT_LT(at("[SUB " + subject + " "), started) << subject;
  }
  for (const auto& [subject, group] :
       {std::pair{base + ".link.*", base + ".link"}, std::pair{base + ".claims.get", base + ".claims"},
        std::pair{base + ".config.>", base + ".config"}}) {
    EXPECT_LT(at("[SUB " + subject + " " + group + " "), started) << subject;
  }
  down();
}

TEST_F(IdentityTest, two_hosts_share_links_and_configurations_and_answer_once) {
  up();
  const auto second = host_->join(config_);
  ASSERT_TRUE(second);
  const auto inbox = client_->new_inbox();
  const auto replies = client_->listen(inbox);
  constexpr std::size_t kTimes = 20;
  for (std::size_t index = 0; index < kTimes; ++index) {
    client_->publish(ctl("config.put.shared"), "{}", inbox);
    client_->publish(ctl("link.get"), "", inbox);
    client_->publish(ctl("claims.get"), "", inbox);
  }
  replies->wait_for(3 * kTimes);
  client_->publish(ctl("host.ping"), "", inbox);
  EXPECT_EQ(replies->wait_for(3 * kTimes + 2).size(), 3 * kTimes + 2)
      << "a ping is answered by every host, all else by one";
  std::size_t sets = 0;
  for (const auto& event : all_events()) {
    sets += event.name == "config_set" ? 1U : 0U;
  }
  EXPECT_EQ(sets, kTimes);
  // Each sees the other's writes.
  for (int index = 0; index < 20; ++index) {
    EXPECT_TRUE(ask("link.put", link("a", "b" + std::to_string(index), "acme:p" + std::to_string(index))).success());
  }
  EXPECT_TRUE(eventually([&] { return ask("link.get").response().as_array().size() == 20U; }));
}

TEST_F(IdentityTest, auctions_are_not_subscribed_to_when_they_are_off) {
  config_.component_auctions = false;
  config_.provider_auctions = false;
  up();
  EXPECT_FALSE(client_->request(ctl("component.auction"), "{}", 2s)) << "nobody listens";
  EXPECT_FALSE(client_->request(ctl("provider.auction"), "{}", 2s)) << "nobody listens";
}

TEST_F(IdentityTest, another_control_prefix_moves_commands_and_nothing_else) {
  config_.control_prefix = "my.own.ctl";
  up();
  EXPECT_FALSE(client_->request(ctl("host.ping"), "", 2s));
  const auto pong = client_->request(std::string("my.own.ctl.v1.") + kLattice + ".host.ping", "");
  ASSERT_TRUE(pong);
  EXPECT_EQ(wait_for_event("host_started").envelope.at("source"), json::value(host_id()));
}

TEST_F(IdentityTest, host_started_comes_after_the_stored_state_is_known) {
  const std::string bucket = std::string("LATTICEDATA_") + kLattice;
  for (int index = 0; index < 300; ++index) {
    const auto id = "c" + std::to_string(index);
    ASSERT_TRUE(
        client_->store(bucket, "COMPONENT_" + id, to_text(json::object{{"url", "x"}, {"links", {link(id, "kv")}}})));
  }
  up();
  EXPECT_EQ(ask("link.get").response().as_array().size(), 300U);
  const auto started = wait_for_event("host_started");
  EXPECT_JSON_EQ(started.data(), (json::object{{"friendly_name", member_->friendly_name()},
                                               {"labels", inventory().at("labels")},
                                               {"uptime_seconds", 0},
                                               {"version", inventory().at("version")}}));
  EXPECT_EQ(names(all_events()), "host_started") << "the replay is told by no event";
}

TEST_F(IdentityTest, a_heartbeat_is_the_inventory_and_the_first_comes_one_interval_after_the_start) {
  config_.heartbeat_interval = 400ms;
  const auto begin = std::chrono::steady_clock::now();
  up();
  const auto beat = wait_for_event("host_heartbeat");
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 400ms);
  auto data = beat.data();
  auto expected = inventory();
  for (const auto* changing : {"uptime_human", "uptime_seconds"}) {
    EXPECT_TRUE(data.erase(changing) == 1U && expected.erase(changing) == 1U);
  }
  EXPECT_JSON_EQ(data, expected);
  scale("cart", "hello-c", 3);
  const auto seen = events_->size();
  events_->wait_until(
      [&](const auto& all) {
        return std::any_of(all.begin() + static_cast<std::ptrdiff_t>(seen), all.end(), [](const Seen& event) {
          return event.subject.ends_with(".host_heartbeat") && event.payload.find("\"cart\"") != std::string::npos;
        });
      },
      "a heartbeat with the component");
}

class StopTest : public IdentityTest {
 protected:
  /// What the daemon does when it is told to stop.
  void obey() {
    const auto stopped = member_->wait();
    EXPECT_EQ(stopped.reason, StopReason::command);
    member_->stop(stopped.budget.value_or(10s));
    member_.reset();
  }
};

TEST_F(StopTest, a_host_says_so_and_stops) {
  config_.labels = {{"zone", "b"}};
  up();
  const auto labels = inventory().at("labels");
  const auto answer = ask(ours("host.stop"), json::object{{"host_id", host_id()}, {"timeout", 2'000}});
  EXPECT_JSON_EQ(answer.json, (json::object{{"success", true}, {"message", "successfully handled stop host"}}));
  obey();
  const auto stopped = wait_for_event("host_stopped");
  EXPECT_JSON_EQ(stopped.data(), (json::object{{"labels", labels}}));
  EXPECT_EQ(all_events().back().name, "host_stopped") << "the last event";
  EXPECT_FALSE(client_->request(ctl("host.ping"), "", 2s));
}

TEST_F(StopTest, the_timeout_counts_milliseconds) {
  up();
  EXPECT_TRUE(ask(ours("host.stop"), std::string(R"({"timeout":1500})")).success());
  EXPECT_EQ(member_->wait().budget, std::optional(1'500ms));
}

TEST_F(StopTest, an_empty_body_is_enough) {
  up();
  EXPECT_TRUE(ask(ours("host.stop"), std::string()).success());
  EXPECT_FALSE(member_->wait().budget) << "the default is the daemon's, 10 s";
  obey();
  wait_for_event("host_stopped");
}

TEST_F(StopTest, a_body_for_another_host_is_refused) {
  up();
  const auto answer = ask(ours("host.stop"), std::string(R"({"host_id":"NOTHER"})"));
  EXPECT_FALSE(answer.success());
  EXPECT_NE(answer.message().find("NOTHER"), std::string::npos) << answer.message();
  EXPECT_TRUE(ask("host.ping").success());
}

TEST_F(StopTest, what_was_stored_stays) {
  up();
  put_config("kept", R"({"a":"b"})");
  EXPECT_TRUE(ask("link.put", link("cart", "kv")).success());
  scale("cart", "hello-c", 1);
  down();
  up();
  EXPECT_TRUE(inventory().at("components").as_array().empty()) << "a host without a data folder forgets what ran";
  EXPECT_EQ(ask("link.get").response().as_array().size(), 1U);
  EXPECT_JSON_EQ(ask("config.get.kept").response(), (json::object{{"a", "b"}}));
}

}  // namespace
}  // namespace weft::conformance
