// SPDX-License-Identifier: Apache-2.0
// Envelope, queries, auctions, labels, registries and what is no command. Source: control-plane
// facts 3.1-3.8, 3.12, 3.16, 3.17.
#include <set>

#include "conformance/lattice_fixture.hpp"

namespace weft::conformance {
namespace {

class OperationsTest : public LatticeTest {
 protected:
  void SetUp() override {
    LatticeTest::SetUp();
    if (IsSkipped()) return;
    config_.labels = {{"zone", "b"}};
    up();
  }
  json::object auction(const std::string& kind, const std::string& id, const json::object& constraints) {
    return {{kind + "_ref", "registry.example.net/shop/cart:1.4.0"}, {kind + "_id", id}, {"constraints", constraints}};
  }
};

std::set<std::string> members(const json::value& value) {
  std::set<std::string> names;
  for (const auto& [key, member] : value.as_object()) {
    names.emplace(key.data(), key.size());
  }
  return names;
}

TEST_F(OperationsTest, a_ping_is_answered_with_the_host) {
  const auto answer = ask("host.ping");
  EXPECT_EQ(members(answer.json), (std::set<std::string>{"success", "message", "response"}));
  EXPECT_TRUE(answer.success());
  EXPECT_EQ(answer.message(), "");
  const auto host = answer.response();
  EXPECT_EQ(members(host), (std::set<std::string>{"id", "friendly_name", "labels", "lattice", "uptime_human",
                                                  "uptime_seconds", "version", "ctl_host", "rpc_host"}))
      << "js_domain only where one is configured";
  EXPECT_EQ(host.at("id"), json::value(host_id()));
  EXPECT_EQ(host.at("lattice"), json::value(kLattice));
  EXPECT_EQ(host.at("ctl_host"), json::value(server_->url()));
  EXPECT_EQ(host.at("rpc_host"), json::value(server_->url()));
  EXPECT_TRUE(host.at("uptime_seconds").is_int64());
  EXPECT_EQ(host.at("labels").at("zone"), json::value("b"));
  EXPECT_TRUE(answer.raw.headers.empty()) << "a query has no operation, and a host without tracing no headers";
}

TEST_F(OperationsTest, the_body_of_a_query_is_ignored) {
  for (const auto* body : {"", "null", "{\"x\":1}", "\xff\xfe", "[["}) {
    EXPECT_TRUE(ask("host.ping", std::string(body)).success()) << body;
    EXPECT_TRUE(ask(ours("host.get"), std::string(body)).success()) << body;
    EXPECT_TRUE(ask("link.get", std::string(body)).success()) << body;
    EXPECT_TRUE(ask("claims.get", std::string(body)).success()) << body;
    EXPECT_TRUE(ask("config.get.none", std::string(body)).success()) << body;
  }
}

TEST_F(OperationsTest, an_inventory_has_every_member) {
  const auto answer = ask(ours("host.get"));
  const auto inventory = answer.response();
  EXPECT_EQ(members(inventory), (std::set<std::string>{"components", "providers", "host_id", "friendly_name", "labels",
                                                       "version", "uptime_human", "uptime_seconds"}));
  EXPECT_EQ(inventory.at("components"), json::value(json::array()));
  EXPECT_EQ(inventory.at("providers"), json::value(json::array()));
  EXPECT_EQ(inventory.at("host_id"), json::value(host_id()));
  EXPECT_EQ(inventory.at("friendly_name"), json::value(member_->friendly_name()));
}

TEST_F(OperationsTest, a_reply_without_data_has_no_response_member) {
  const auto put = json::object{{"key", "a"}, {"value", "b"}};
  const auto unit = std::set<std::string>{"success", "message"};
  EXPECT_EQ(members(ask(ours("label.put"), put).json), unit);
  EXPECT_EQ(members(ask(ours("label.del"), put).json), unit);
  EXPECT_EQ(members(ask("config.put.a", std::string("{}")).json), unit);
  EXPECT_EQ(members(ask("config.del.a").json), unit);
  EXPECT_EQ(members(ask("link.put", link("a", "b")).json), unit);
  EXPECT_EQ(members(ask("link.del", link("a", "b")).json), unit);
  EXPECT_EQ(members(ask("registry.put", std::string("{}")).json), unit);
  EXPECT_EQ(members(ask(ours("component.scale"), scale_command("a", "x", 0)).json), unit);
  EXPECT_EQ(members(ask(ours("component.update"), std::string("{}")).json), unit);
  EXPECT_EQ(members(ask(ours("provider.start"), std::string("{")).json), unit);
  EXPECT_EQ(members(ask(ours("provider.stop"), std::string("{}")).json), unit);
  EXPECT_EQ(members(ask("config.get.unknown").json), unit);
}

TEST_F(OperationsTest, a_command_without_a_reply_subject_is_carried_out) {
  EXPECT_TRUE(client_->publish(ctl(ours("label.put")), R"({"key":"quiet","value":"yes"})"));
  wait_for_event("labels_changed");
  EXPECT_EQ(inventory().at("labels").at("quiet"), json::value("yes"));
}

TEST_F(OperationsTest, what_matches_a_subscription_but_no_operation_is_an_unsupported_subject) {
  for (const auto& tail : {ours("component.foo"), ours("provider.restart"), ours("label.get"), ours("host.reboot"),
                           std::string("link.list"), std::string("config.list"), std::string("config.put"),
                           std::string("config.put.a.b"), std::string("config.get.a.b.c"), ours("host.ping")}) {
    const auto answer = ask(tail);
    EXPECT_JSON_EQ(answer.json, (json::object{{"success", false}, {"message", "unsupported subject"}})) << tail;
  }
}

TEST_F(OperationsTest, commands_to_another_host_or_lattice_reach_nobody) {
  const auto other = std::string(56, 'N');
  EXPECT_FALSE(client_->request(ctl("host.get." + other), "", std::chrono::milliseconds(2'000)));
  EXPECT_FALSE(client_->request("wasmbus.ctl.v1.elsewhere.host.ping", "", std::chrono::milliseconds(2'000)));
  EXPECT_FALSE(client_->request("wasmbus.ctl.v2.conf.host.ping", "", std::chrono::milliseconds(2'000)));
}

TEST_F(OperationsTest, a_body_that_cannot_be_decoded_is_refused_with_the_sentence_of_its_operation) {
  const std::vector<std::pair<std::string, std::string>> sentences = {
      {ours("component.scale"), "failed to deserialize component scale command"},
      {ours("component.update"), "failed to deserialize component update command"},
      {ours("provider.start"), "failed to deserialize provider start command"},
      {ours("provider.stop"), "failed to deserialize provider stop command"},
      {ours("label.put"), "failed to deserialize put label request"},
      {ours("label.del"), "failed to deserialize delete label request"},
      {ours("host.stop"), "failed to deserialize stop command"},
      {"component.auction", "failed to deserialize component auction command"},
      {"provider.auction", "failed to deserialize provider auction command"},
      {"link.put", "failed to deserialize wrpc link definition"},
      {"link.del", "failed to deserialize wrpc link definition"},
      {"config.put.x", "config data should be a map of string -> string"},
      {"registry.put", "failed to deserialize registries put command"},
  };
  const auto events = events_of([&] {
    for (const auto& [tail, sentence] : sentences) {
      for (const auto* body : {"{", "[]", "1", "\"text\"", "\xff\xff", "{\"a\":}"}) {
        const auto answer = ask(tail, std::string(body));
        EXPECT_FALSE(answer.success()) << tail << ' ' << body;
        EXPECT_TRUE(answer.message().starts_with(sentence)) << tail << ' ' << body << ": " << answer.message();
      }
    }
  });
  EXPECT_EQ(names(events), "") << "no event of a body that cannot be read";
}

TEST_F(OperationsTest, required_members_are_required_and_types_are_kept) {
  const std::vector<std::pair<std::string, std::string>> faulty = {
      {ours("component.scale"), R"({"count":1})"},
      {ours("component.scale"), R"({"component_id":"a","count":-1})"},
      {ours("component.scale"), R"({"component_id":"a","count":4294967296})"},
      {ours("component.scale"), R"({"component_id":"a","count":"1"})"},
      {ours("component.scale"), R"({"component_id":"a","config":"x"})"},
      {ours("component.scale"), R"({"component_id":"a","annotations":{"a":1}})"},
      {ours("provider.start"), R"({"provider_ref":"x"})"},
      {ours("label.put"), R"({"key":"a"})"},
      {ours("label.del"), R"({})"},
      {"component.auction", R"({"component_ref":"x","constraints":{}})"},
      {"component.auction", R"({"component_id":"x"})"},
      {"provider.auction", R"({"provider_id":"x"})"},
      {"link.put", R"({"source_id":"a","target":"b","wit_namespace":"c","wit_package":"d"})"},
      {"link.del", R"({"source_id":"a","wit_namespace":"c"})"},
      {"config.put.x", R"({"a":null})"},
      {"config.put.x", R"({"a":{"b":"c"}})"},
      {ours("host.stop"), R"({"timeout":"soon"})"},
  };
  for (const auto& [tail, body] : faulty) {
    EXPECT_FALSE(ask(tail, body).success()) << tail << ' ' << body;
  }
}

TEST_F(OperationsTest, unknown_members_are_ignored_in_every_command) {
  const auto with_extra = [](json::object body) {
    body["x_future"] = json::object{{"deep", json::array{1, nullptr, json::object{}}}};
    return body;
  };
  EXPECT_TRUE(ask(ours("component.scale"), with_extra(scale_command("a", "x", 0))).success());
  EXPECT_TRUE(ask(ours("label.put"), with_extra({{"key", "a"}, {"value", "b"}})).success());
  EXPECT_TRUE(ask(ours("label.del"), with_extra({{"key", "a"}})).success());
  EXPECT_TRUE(ask("component.auction", with_extra(auction("component", "a", {}))).success());
  EXPECT_TRUE(ask("provider.auction", with_extra(auction("provider", "a", {}))).success());
  EXPECT_TRUE(ask("link.put", with_extra(link("a", "b"))).success());
  EXPECT_TRUE(ask("link.del", with_extra(link("a", "b"))).success());
  EXPECT_TRUE(
      ask("registry.put", std::string(R"({"r.example":{"username":"u","password":"p","later":[1]}})")).success());
  EXPECT_EQ(ask(ours("provider.stop"), with_extra({{"provider_id", "a"}})).message().substr(0, 40),
            "provider with that ID is not running: se");
}

TEST_F(OperationsTest, an_auction_is_answered_where_every_constraint_holds) {
  for (const std::string kind : {"component", "provider"}) {
    const auto tail = kind + ".auction";
    for (const auto& constraints :
         {json::object{}, json::object{{"zone", "b"}}, json::object{{"zone", "b"}, {"hostcore.os", "linux"}}}) {
      const auto ack = ask(tail, auction(kind, "cart", constraints));
      auto expected = auction(kind, "cart", constraints);
      expected["host_id"] = host_id();
      EXPECT_JSON_EQ(ack.json, (json::object{{"success", true}, {"message", ""}, {"response", expected}}));
    }
    for (const auto& constraints :
         {json::object{{"zone", "c"}}, json::object{{"zone", "B"}}, json::object{{"gpu", "yes"}},
          json::object{{"zone", "b"}, {"gpu", "yes"}}, json::object{{"zone", ""}}}) {
      EXPECT_TRUE(silent(tail, to_text(auction(kind, "cart", constraints)))) << to_text(constraints);
    }
  }
}

// Recommendation Q1: the id is compared and echoed, not the reference.
TEST_F(OperationsTest, an_auction_for_an_id_that_runs_is_not_answered) {
  scale("cart", "hello-c", 1);
  carry_out(ours("provider.start"), {{"provider_id", "kv"}, {"provider_ref", "wasmcloud+builtin://keyvalue"}});
  EXPECT_TRUE(silent("component.auction", to_text(auction("component", "cart", {}))));
  EXPECT_TRUE(silent("provider.auction", to_text(auction("provider", "kv", {}))));
  EXPECT_EQ(ask("component.auction", auction("component", "cart2", {})).response().at("component_id"),
            json::value("cart2"));
  EXPECT_TRUE(ask("provider.auction", auction("provider", "cart", {})).success());
}

TEST_F(OperationsTest, constraints_are_compared_with_the_labels_as_they_are_now) {
  const auto wanted = to_text(auction("component", "cart", {{"cordon", "true"}}));
  EXPECT_TRUE(silent("component.auction", wanted));
  EXPECT_TRUE(ask(ours("label.put"), {{"key", "cordon"}, {"value", "true"}}).success());
  EXPECT_TRUE(ask("component.auction", wanted).success());
  EXPECT_TRUE(ask(ours("label.del"), {{"key", "cordon"}}).success());
  EXPECT_TRUE(silent("component.auction", wanted));
}

TEST_F(OperationsTest, labels_are_put_and_deleted_with_an_event_each) {
  const auto put = [&](const char* key, const char* value) {
    return ask(ours("label.put"), {{"key", key}, {"value", value}}).message();
  };
  auto events = events_of([&] { EXPECT_EQ(put("cordon", "true"), "successfully put label"); });
  ASSERT_EQ(names(events), "labels_changed");
  EXPECT_JSON_EQ(events[0].data(),
                 (json::object{{"host_id", host_id()},
                               {"labels", json::object{{"cordon", "true"},
                                                       {"zone", "b"},
                                                       {"hostcore.arch", inventory().at("labels").at("hostcore.arch")},
                                                       {"hostcore.os", "linux"},
                                                       {"hostcore.osfamily", "unix"}}}}));
  events = events_of([&] { EXPECT_EQ(put("cordon", "true"), "successfully put label"); });
  EXPECT_EQ(names(events), "labels_changed") << "an identical value too";
  events = events_of([&] {
    EXPECT_EQ(ask(ours("label.del"), {{"key", "cordon"}}).message(), "successfully deleted label");
    EXPECT_EQ(ask(ours("label.del"), {{"key", "cordon"}}).message(), "successfully deleted label (no such label)");
  });
  ASSERT_EQ(names(events), "labels_changed") << "none where nothing was deleted";
  EXPECT_FALSE(events[0].data().at("labels").as_object().contains("cordon"));
}

TEST_F(OperationsTest, the_labels_of_the_host_itself_cannot_be_put_but_deleted) {
  const auto events = events_of([&] {
    for (const auto* key : {"hostcore.os", "HOSTCORE.os", "HostCore.Anything", "hostcore."}) {
      const auto answer = ask(ours("label.put"), {{"key", key}, {"value", "plan9"}});
      EXPECT_FALSE(answer.success()) << key;
      EXPECT_TRUE(answer.message().starts_with("hostcore.* labels cannot be set dynamically")) << answer.message();
    }
  });
  EXPECT_EQ(names(events), "");
  EXPECT_EQ(inventory().at("labels").at("hostcore.os"), json::value("linux"));
  EXPECT_TRUE(ask(ours("label.put"), {{"key", "hostcore"}, {"value", "x"}}).success()) << "not the prefix";
  EXPECT_EQ(ask(ours("label.del"), {{"key", "hostcore.os"}}).message(), "successfully deleted label");
}

TEST_F(OperationsTest, registries_are_taken) {
  const auto answer =
      ask("registry.put", std::string(R"({"registry.example.net":{"username":"puller","password":"s3cr3t",
      "registryType":"oci"},"other":{"token":"t"},"none":{}})"));
  EXPECT_JSON_EQ(answer.json, (json::object{{"success", true}, {"message", "successfully put registries"}}));
}

}  // namespace
}  // namespace weft::conformance
