// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "wire/control.hpp"
#include "wire/test_json.hpp"

namespace weft::wire {
namespace {

TEST(ControlReplyTest, leaves_the_response_out_when_there_is_none) {
  EXPECT_EQ(encode(Reply{}), R"({"success":true,"message":""})");
  EXPECT_EQ(encode(Reply{.success = false, .message = "no \"x\"", .response = {}}),
            R"({"success":false,"message":"no \"x\""})");
  EXPECT_EQ(encode(Reply{.success = true, .message = "", .response = "[]"}),
            R"({"success":true,"message":"","response":[]})");
}

TEST(ControlReplyTest, reads_an_envelope) {
  EXPECT_EQ(decode_reply(R"({"success":true,"message":"","response":{"a":"b"}})")->response, R"({"a":"b"})");
  EXPECT_EQ(decode_reply(R"({"success":true,"message":"m","response":null})")->response, "");
  EXPECT_EQ(decode_reply(R"({"success":false,"message":"m"})")->success, false);
  EXPECT_EQ(decode_reply(R"({"message":""})").error().message(), "reply: member `success` is missing");
  EXPECT_EQ(decode_reply(R"({"success":true})").error().message(), "reply: member `message` is missing");
  EXPECT_FALSE(decode_reply(R"({"success":1,"message":""})"));
}

TEST(ControlReplyTest, answers_a_ping) {
  constexpr std::string_view text = R"({
      "rpc_host":"nats://127.0.0.1:4222","ctl_host":"nats://127.0.0.1:4222",
      "friendly_name":"quiet-harbor-0412",
      "id":"NCPKIRYRASZ7NB7FMEXEYYAU5FIHB7N3WZSUISJCS7NMWQTYVD6PPK5V",
      "labels":{"hostcore.arch":"x86_64","hostcore.os":"linux","hostcore.osfamily":"unix","zone":"b"},
      "lattice":"default","uptime_human":"2m 21s","uptime_seconds":141,"version":"1.9.2"})";
  const auto ping = decode_host_ping(text);
  ASSERT_TRUE(ping);
  EXPECT_EQ(ping->uptime_seconds, 141U);
  EXPECT_EQ(ping->labels.at("zone"), "b");
  EXPECT_FALSE(ping->js_domain);
  EXPECT_TRUE(same_json(encode(*ping), text));
  EXPECT_TRUE(decode_host_ping(R"({"id":"N","version":null,"js_domain":"d"})"));
  EXPECT_FALSE(decode_host_ping("{}"));
}

constexpr std::string_view kInventory = R"({
    "components":[{"id":"shop-cart","image_ref":"registry.example.net/shop/cart:1.4.0","name":"cart",
       "annotations":{"wasmcloud.dev/appspec":"shop","wasmcloud.dev/managed-by":"wadm"},
       "revision":0,"max_instances":50,"limits":null}],
    "providers":[{"id":"shop-http","image_ref":"ghcr.io/wasmcloud/http-server:0.27.0",
       "name":"http-server-provider","revision":0,"annotations":{}}],
    "host_id":"NCPKIRYRASZ7NB7FMEXEYYAU5FIHB7N3WZSUISJCS7NMWQTYVD6PPK5V",
    "friendly_name":"quiet-harbor-0412","labels":{"hostcore.arch":"x86_64","hostcore.os":"linux","hostcore.osfamily":"unix"},
    "version":"1.9.2","uptime_human":"45s","uptime_seconds":45})";

TEST(ControlReplyTest, describes_a_host) {
  const auto inventory = decode_host_inventory(kInventory);
  ASSERT_TRUE(inventory);
  ASSERT_EQ(inventory->components.size(), 1U);
  EXPECT_EQ(inventory->components[0].max_instances, 50U);
  EXPECT_FALSE(inventory->components[0].limits);
  ASSERT_EQ(inventory->providers.size(), 1U);
  EXPECT_TRUE(same_json(encode(*inventory), kInventory));
}

TEST(ControlReplyTest, always_sends_the_lists_annotations_and_limits) {
  HostInventory inventory;
  EXPECT_TRUE(same_json(encode(inventory), R"({"components":[],"providers":[],"host_id":"","friendly_name":"",
                                               "labels":{},"version":"","uptime_human":"","uptime_seconds":0})"));
  inventory.components.resize(2);
  inventory.components[0].id = "a";
  inventory.components[0].image_ref = "file:///a.wasm";
  inventory.components[0].max_instances = 4294967295;
  inventory.components[1].limits = StringMap{};
  const auto text = encode(inventory);
  EXPECT_TRUE(text.contains(R"({"id":"a","image_ref":"file:///a.wasm","annotations":{},"revision":0,)"
                            R"("max_instances":4294967295,"limits":null})"))
      << text;
  EXPECT_TRUE(text.contains(R"("limits":{}})")) << text;
}

TEST(ControlReplyTest, needs_both_lists_of_an_inventory) {
  EXPECT_TRUE(decode_host_inventory(R"({"actors":[],"providers":[]})"));
  EXPECT_EQ(decode_host_inventory(R"({"providers":[]})").error().message(),
            "host inventory: member `components` is missing");
  EXPECT_EQ(decode_host_inventory(R"({"components":[{"id":"a","image_ref":"b","max_instances":-1}],"providers":[]})")
                .error()
                .message(),
            "host inventory: member `components` at index 0: member `max_instances` must be a whole number from 0 to "
            "4294967295");
}

TEST(ControlReplyTest, lists_links_and_claims) {
  EXPECT_EQ(encode(std::vector<Link>{}), "[]");
  Link link;
  link.target = "b";
  const auto links = decode_links(encode(std::vector{link}));
  ASSERT_TRUE(links);
  EXPECT_EQ(links->at(0).target, "b");
  EXPECT_EQ(decode_links("[{}]").error().message(), "links: at index 0: member `source_id` is missing");
  const auto claims = decode_claims_list(R"([{"sub":"M","tags":""}])");
  ASSERT_TRUE(claims);
  EXPECT_EQ(encode(*claims), R"([{"sub":"M","tags":""}])");
  EXPECT_FALSE(decode_claims_list(R"([{"rev":1}])"));
}

}  // namespace
}  // namespace weft::wire
