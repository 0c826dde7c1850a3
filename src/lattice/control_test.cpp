// SPDX-License-Identifier: Apache-2.0
#include "lattice/control_fixture.hpp"

namespace weft::lattice {
namespace {

using namespace std::chrono_literals;

wire::Link kv_link(std::string target = "kv") {
  return {.source_id = "cart",
          .target = std::move(target),
          .name = "default",
          .wit_namespace = "wasi",
          .wit_package = "keyvalue",
          .interfaces = {"store", "atomics"},
          .source_config = {},
          .target_config = {}};
}

async::Task<std::string> first_said(FakeHost& host) { co_return host.said.front(); }

TEST_F(ControlTest, answers_a_ping_and_an_inventory) {
  const auto hosts = ask(client.hosts());
  ASSERT_TRUE(hosts) << hosts.error().to_string();
  ASSERT_EQ(hosts->size(), 1U);
  EXPECT_EQ(hosts->front().id, kHostId);
  EXPECT_EQ(hosts->front().uptime_human, "2m 21s");
  const auto inventory = ask(client.inventory(kHostId));
  ASSERT_TRUE(inventory);
  EXPECT_EQ(inventory->labels.at("zone"), "b");
}

TEST_F(ControlTest, bids_only_where_every_constraint_holds_and_the_id_is_free) {
  const auto bids = [&](const std::string& id, wire::StringMap constraints) {
    return ask(client.auction(wire::AuctionKind::component,
                              {.ref = "file:///a.wasm", .id = id, .constraints = std::move(constraints)}))
        ->size();
  };
  EXPECT_EQ(bids("new", {}), 1U);
  EXPECT_EQ(bids("new", {{"zone", "b"}}), 1U);
  EXPECT_EQ(bids("new", {{"zone", "c"}}), 0U);
  EXPECT_EQ(bids("new", {{"zone", "b"}, {"gpu", "yes"}}), 0U);
  EXPECT_EQ(bids("runs", {}), 0U);
}

TEST_F(ControlTest, a_link_is_stored_told_and_found) {
  const auto put = ask(client.put_link(kv_link()));
  ASSERT_TRUE(put) << put.error().to_string();
  EXPECT_EQ(put->message, "successfully set link");
  EXPECT_NE(events.wait_for("linkdef_set").data.find("\"atomics\""), std::string::npos);
  const auto links = ask(client.links());
  ASSERT_EQ(links->size(), 1U);
  EXPECT_EQ(links->front(), kv_link());
}

TEST_F(ControlTest, a_link_to_another_target_is_refused_and_told) {
  ASSERT_TRUE(ask(client.put_link(kv_link())));
  const auto second = ask(client.put_link(kv_link("other")));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), Errc::refused);
  EXPECT_NE(second.error().message().find("different target"), std::string::npos);
  EXPECT_NE(events.wait_for("linkdef_set_failed").data.find("different target"), std::string::npos);
  EXPECT_EQ(ask(client.links())->size(), 1U);
}

TEST_F(ControlTest, a_link_whose_configuration_is_missing_is_refused) {
  auto link = kv_link();
  link.target_config = {"kv-url"};
  const auto put = ask(client.put_link(link));
  ASSERT_FALSE(put);
  EXPECT_NE(put.error().message().find("kv-url"), std::string::npos);
  ASSERT_TRUE(ask(client.put_config("kv-url", {{"url", "redis://x"}})));
  EXPECT_TRUE(ask(client.put_link(link)));
}

TEST_F(ControlTest, deleting_a_link_is_idempotent_and_tells_what_was_removed) {
  const wire::DeleteLink gone{
      .source_id = "cart", .name = "default", .wit_namespace = "wasi", .wit_package = "keyvalue"};
  EXPECT_EQ(ask(client.delete_link(gone))->message, "successfully deleted link (spec doesn't exist)");
  EXPECT_EQ(events.count("linkdef_deleted"), 0U);
  ASSERT_TRUE(ask(client.put_link(kv_link())));
  EXPECT_EQ(ask(client.delete_link(gone))->message, "successfully deleted link");
  EXPECT_NE(events.wait_for("linkdef_deleted").data.find("\"target\":\"kv\""), std::string::npos);
  EXPECT_TRUE(ask(client.links())->empty());
  EXPECT_EQ(ask(client.delete_link(gone))->message, "successfully deleted link");
}

// 1.9 reads, changes and writes without a look at the revision, and loses links so.
TEST_F(ControlTest, links_put_at_the_same_time_are_all_kept) {
  constexpr int kLinks = 40;
  std::vector<std::unique_ptr<bus::Subscription>> inboxes;
  std::atomic<int> answers{0};
  for (int index = 0; index < kLinks; ++index) {
    auto link = kv_link();
    link.name = "link-" + std::to_string(index);
    const auto inbox = bus.new_inbox();
    inboxes.push_back(*bus.subscribe(client_shard, inbox, {}, [&answers](const bus::Message& message) {
      answers += message.payload.find("\"success\":true") != std::string::npos ? 1 : 0;
      answers.notify_all();
    }));
    ASSERT_TRUE(bus.publish({.subject = wire::control_subject(root, wire::ControlOperation::link_put),
                             .reply = inbox,
                             .headers = {},
                             .payload = wire::encode(link)}));
  }
  const auto deadline = std::chrono::steady_clock::now() + 20s;
  while (answers < kLinks && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::yield();
  }
  EXPECT_EQ(answers, kLinks);
  EXPECT_EQ(ask(client.links())->size(), static_cast<std::size_t>(kLinks));
  ended = std::move(inboxes);
}

TEST_F(ControlTest, configurations_are_kept_as_they_came) {
  EXPECT_FALSE(ask(client.get_config("none"))->has_value());
  ASSERT_TRUE(ask(client.put_config("shop", {{"greeting", "hello"}, {"retries", "3"}})));
  EXPECT_EQ((*ask(client.get_config("shop")))->at("retries"), "3");
  EXPECT_NE(events.wait_for("config_set").data.find("shop"), std::string::npos);
  ASSERT_TRUE(ask(client.delete_config("shop")));
  events.wait_for("config_deleted");
  EXPECT_FALSE(ask(client.get_config("shop"))->has_value());
  EXPECT_NE(raw("wasmbus.ctl.v1.test.config.get.shop", "").find("Configuration not found"), std::string::npos);
  const auto bad = raw("wasmbus.ctl.v1.test.config.put.shop", "{\"a\":1}");
  EXPECT_NE(bad.find("config data should be a map of string -> string"), std::string::npos);
  EXPECT_NE(bad.find("\"success\":false"), std::string::npos);
}

TEST_F(ControlTest, labels_change_but_those_of_the_host_itself) {
  EXPECT_EQ(ask(client.put_label(kHostId, {"cordon", "true"}))->message, "successfully put label");
  EXPECT_NE(events.wait_for("labels_changed").data.find("\"cordon\":\"true\""), std::string::npos);
  EXPECT_EQ(ask(client.put_label(kHostId, {"HostCore.os", "x"})).error().code(), Errc::refused);
  EXPECT_EQ(ask(client.delete_label(kHostId, "cordon"))->message, "successfully deleted label");
  EXPECT_EQ(ask(client.delete_label(kHostId, "cordon"))->message, "successfully deleted label (no such label)");
}

TEST_F(ControlTest, commands_reach_the_host_and_carry_their_operation) {
  wire::ScaleComponent scale;
  scale.component_id = "cart";
  scale.count = 5;
  scale.host_id = kHostId;
  const auto accepted = ask(client.scale(scale));
  ASSERT_TRUE(accepted);
  EXPECT_EQ(accepted->message, "");
  const auto waited = run(operations.wait(accepted->operation, 1s));
  ASSERT_TRUE(waited);
  EXPECT_EQ(waited->state, OperationState::done);
  EXPECT_EQ(waited->kind, "component.scale");
  const auto update =
      ask(client.update({.component_id = "x", .new_component_ref = "y", .host_id = kHostId, .annotations = {}}));
  EXPECT_EQ(update.error().message(), "component x not found");
  const auto provider = ask(client.start_provider(
      {.provider_id = "p", .provider_ref = "r", .host_id = kHostId, .config = {}, .annotations = {}}));
  EXPECT_EQ(run(operations.wait(provider->operation, 1s))->state, OperationState::failed);
  EXPECT_EQ(ask(client.stop_provider({.provider_id = "p", .host_id = kHostId}))->message,
            "successfully stopped provider");
}

TEST_F(ControlTest, a_stop_for_another_host_is_refused) {
  EXPECT_NE(raw(std::string("wasmbus.ctl.v1.test.host.stop.") + kHostId, "{\"host_id\":\"NOTHER\"}").find("NOTHER"),
            std::string::npos);
  EXPECT_TRUE(host.said.empty());
  EXPECT_EQ(ask(client.stop_host(kHostId, 250))->message, "successfully handled stop host");
  EXPECT_NE(raw(std::string("wasmbus.ctl.v1.test.host.stop.") + kHostId, "").find("\"success\":true"),
            std::string::npos);
  const auto said = run(first_said(host));
  EXPECT_EQ(*said, "stop host 250");
}

TEST_F(ControlTest, malformed_and_unknown_requests_get_a_failure_reply) {
  const auto host_id = std::string(kHostId);
  for (const auto& [subject, sentence] : std::vector<std::pair<std::string, std::string>>{
           {"component.scale." + host_id, "failed to deserialize component scale command"},
           {"component.update." + host_id, "failed to deserialize component update command"},
           {"provider.start." + host_id, "failed to deserialize provider start command"},
           {"provider.stop." + host_id, "failed to deserialize provider stop command"},
           {"label.put." + host_id, "failed to deserialize put label request"},
           {"label.del." + host_id, "failed to deserialize delete label request"},
           {"link.put", "failed to deserialize wrpc link definition"},
           {"link.del", "failed to deserialize wrpc link definition"},
           {"registry.put", "failed to deserialize registries put command"},
           {"component.auction", "failed to deserialize component auction command"},
           {"component.foo." + host_id, "unsupported subject"},
           {"link.list", "unsupported subject"},
           {"config.put.a.b", "unsupported subject"}}) {
    for (const char* body : {"", "not json", "[1,2", "{\"component_id\":5,\"provider_id\":5}", "\xff\xfe"}) {
      const auto reply = raw("wasmbus.ctl.v1.test." + subject, body);
      EXPECT_NE(reply.find("\"success\":false"), std::string::npos) << subject << " " << body << ": " << reply;
      EXPECT_NE(reply.find(sentence), std::string::npos) << subject << ": " << reply;
      EXPECT_EQ(reply.find("\"response\""), std::string::npos);
    }
  }
}

TEST_F(ControlTest, answers_questions_of_its_own_and_says_when_a_host_has_none) {
  EXPECT_EQ(*ask(client.ask(kHostId, "tree", "1", 5s)), "{\"tree\":1}");
  const auto other = ask(client.ask("NOTHERE", "tree", "", 5s));
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code(), Errc::unsupported);
}

TEST_F(ControlTest, a_store_that_lost_its_data_is_filled_again) {
  ASSERT_TRUE(ask(client.put_link(kv_link())));
  ASSERT_TRUE(ask(client.put_config("shop", {{"a", "b"}})));
  // A marker in the bucket changes nothing for what is linked.
  const auto bucket = run(bus.open_bucket("LATTICEDATA_test"));
  ASSERT_TRUE(run((*bucket)->purge("COMPONENT_cart")));
  EXPECT_EQ(ask(client.links())->size(), 1U);
  auto second = kv_link();
  second.name = "second";
  ASSERT_TRUE(ask(client.put_link(second)));
  EXPECT_EQ(ask(client.links())->size(), 2U);
}

}  // namespace
}  // namespace weft::lattice
