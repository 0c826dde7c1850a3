// SPDX-License-Identifier: Apache-2.0
#include "wire/control.hpp"

#include <gtest/gtest.h>

#include "wire/test_json.hpp"

namespace weft::wire {
namespace {

constexpr std::string_view kHost = "NCPKIRYRASZ7NB7FMEXEYYAU5FIHB7N3WZSUISJCS7NMWQTYVD6PPK5V";

TEST(ControlTest, scales_a_component_as_a_client_of_1_9_does) {
  constexpr std::string_view text =
      R"({"component_ref":"registry.example.net/shop/cart:1.4.0","component_id":"shop-cart","count":50,
          "annotations":{"wasmcloud.dev/appspec":"shop"},
          "host_id":"NCPKIRYRASZ7NB7FMEXEYYAU5FIHB7N3WZSUISJCS7NMWQTYVD6PPK5V",
          "config":["shop-cart_defaults","SECRET_shop-cart_db"],"allow_update":false})";
  const auto command = decode_scale_component(text);
  ASSERT_TRUE(command);
  EXPECT_EQ(command->component_id, "shop-cart");
  EXPECT_EQ(command->component_ref, "registry.example.net/shop/cart:1.4.0");
  EXPECT_EQ(command->count, 50U);
  EXPECT_EQ(command->annotations, (StringMap{{"wasmcloud.dev/appspec", "shop"}}));
  EXPECT_FALSE(command->component_limits);
  EXPECT_EQ(command->host_id, kHost);
  EXPECT_EQ(command->config, (std::vector<std::string>{"shop-cart_defaults", "SECRET_shop-cart_db"}));
  EXPECT_FALSE(command->allow_update);
  EXPECT_TRUE(same_json(encode(*command), text));
}

TEST(ControlTest, tells_empty_limits_from_none) {
  const auto limits_of = [](std::string_view text) { return decode_scale_component(text)->component_limits; };
  EXPECT_FALSE(limits_of(R"({"component_id":"a"})"));
  EXPECT_FALSE(limits_of(R"({"component_id":"a","component_limits":null})"));
  EXPECT_EQ(limits_of(R"({"component_id":"a","component_limits":{}})"), StringMap{});
}

TEST(ControlTest, does_not_take_another_name_for_the_count) {
  EXPECT_EQ(decode_scale_component(R"({"component_id":"a","max_instances":5})")->count, 0U);
  EXPECT_EQ(decode_scale_component(R"({"component_id":"a","count":4294967295})")->count, 4294967295U);
  EXPECT_EQ(decode_scale_component(R"({"component_id":"a","count":4294967296})").error().message(),
            "component scale command: member `count` must be a whole number from 0 to 4294967295");
  EXPECT_EQ(decode_scale_component(R"({"count":1})").error().message(),
            "component scale command: member `component_id` is missing");
}

TEST(ControlTest, updates_a_component) {
  const auto command =
      decode_update_component(R"({"component_id":"a","new_component_ref":"r:2","host_id":"N","annotations":null})");
  ASSERT_TRUE(command);
  EXPECT_EQ(command->new_component_ref, "r:2");
  EXPECT_FALSE(command->annotations);
  EXPECT_EQ(encode(*command), R"({"component_id":"a","new_component_ref":"r:2","host_id":"N"})");
  EXPECT_TRUE(decode_update_component("{}"));
}

TEST(ControlTest, starts_a_provider) {
  constexpr std::string_view text =
      R"({"provider_id":"shop-http","provider_ref":"ghcr.io/wasmcloud/http-server:0.27.0",
          "host_id":"NCPKIRYRASZ7NB7FMEXEYYAU5FIHB7N3WZSUISJCS7NMWQTYVD6PPK5V",
          "config":["shop-http_listen"],"annotations":{"wasmcloud.dev/appspec":"shop"}})";
  const auto command = decode_start_provider(text);
  ASSERT_TRUE(command);
  EXPECT_EQ(command->provider_id, "shop-http");
  EXPECT_EQ(command->config, std::vector<std::string>{"shop-http_listen"});
  EXPECT_TRUE(same_json(encode(*command), text));
  EXPECT_FALSE(decode_start_provider("{}"));
}

TEST(ControlTest, stops_a_provider_by_its_id_or_the_old_name_of_it) {
  constexpr std::string_view text =
      R"({"host_id":"NCPKIRYRASZ7NB7FMEXEYYAU5FIHB7N3WZSUISJCS7NMWQTYVD6PPK5V","provider_id":"shop-http"})";
  EXPECT_TRUE(same_json(encode(*decode_stop_provider(text)), text));
  EXPECT_EQ(decode_stop_provider(R"({"provider_ref":"p"})")->provider_id, "p");
  EXPECT_EQ(decode_stop_provider(R"({"provider_ref":"p","provider_id":"q"})")->provider_id, "q");
  EXPECT_EQ(decode_stop_provider("{}")->provider_id, "");
}

TEST(ControlTest, stops_a_host_with_or_without_a_body) {
  EXPECT_EQ(decode_stop_host("")->host_id, "");
  const auto command = decode_stop_host(R"({"host_id":"N","timeout":10000})");
  EXPECT_EQ(command->timeout_ms, 10000U);
  EXPECT_EQ(encode(*command), R"({"host_id":"N","timeout":10000})");
  EXPECT_FALSE(decode_stop_host(R"({"timeout":null})")->timeout_ms);
  EXPECT_FALSE(decode_stop_host(R"({"timeout":-1})"));
  EXPECT_EQ(encode(StopHost{.host_id = "N", .timeout_ms = {}}), R"({"host_id":"N"})");
}

TEST(ControlTest, auctions_components_and_providers_under_their_own_names) {
  constexpr std::string_view text =
      R"({"component_ref":"registry.example.net/shop/cart:1.4.0","component_id":"shop-cart","constraints":{"zone":"b"}})";
  const auto auction = decode_auction(text, AuctionKind::component);
  ASSERT_TRUE(auction);
  EXPECT_EQ(auction->id, "shop-cart");
  EXPECT_EQ(auction->constraints, (StringMap{{"zone", "b"}}));
  EXPECT_EQ(encode(*auction, AuctionKind::component), text);
  EXPECT_EQ(encode(Auction{"r", "default", {}}, AuctionKind::provider),
            R"({"provider_ref":"r","provider_id":"default","constraints":{}})");
  EXPECT_EQ(decode_auction(text, AuctionKind::provider).error().message(),
            "provider auction: member `provider_id` is missing");
  EXPECT_FALSE(decode_auction(R"({"component_id":"a"})", AuctionKind::component));
}

TEST(ControlTest, acknowledges_an_auction) {
  constexpr std::string_view text =
      R"({"component_ref":"registry.example.net/shop/cart:1.4.0","component_id":"shop-cart",
          "host_id":"NCPKIRYRASZ7NB7FMEXEYYAU5FIHB7N3WZSUISJCS7NMWQTYVD6PPK5V","constraints":{"zone":"b"}})";
  const auto ack = decode_auction_ack(text, AuctionKind::component);
  ASSERT_TRUE(ack);
  EXPECT_EQ(ack->host_id, kHost);
  EXPECT_TRUE(same_json(encode(*ack, AuctionKind::component), text));
  EXPECT_FALSE(decode_auction_ack("{}", AuctionKind::provider));
}

TEST(ControlTest, deletes_a_link) {
  constexpr std::string_view text =
      R"({"source_id":"shop-cart","name":"default","wit_namespace":"wasi","wit_package":"keyvalue"})";
  EXPECT_EQ(encode(*decode_delete_link(text)), text);
  EXPECT_EQ(decode_delete_link(R"({"source_id":"a","wit_namespace":"b","wit_package":"c"})")->name, "default");
  EXPECT_FALSE(decode_delete_link(R"({"source_id":"a","wit_namespace":"b"})"));
}

TEST(ControlTest, needs_the_value_of_a_label_only_to_put_it) {
  EXPECT_EQ(encode(*decode_label_put(R"({"key":"cordon","value":"true"})")), R"({"key":"cordon","value":"true"})");
  EXPECT_FALSE(decode_label_put(R"({"key":"cordon"})"));
  EXPECT_EQ(decode_label_del(R"({"key":"cordon"})")->key, "cordon");
  EXPECT_FALSE(decode_label_del("{}"));
}

TEST(ControlTest, takes_registry_credentials_without_showing_them_in_errors) {
  constexpr std::string_view text =
      R"({"registry.example.net":{"username":"puller","password":"s3cr3t","registryType":"oci"}})";
  const auto credentials = decode_registry_credentials(text);
  ASSERT_TRUE(credentials);
  EXPECT_EQ(credentials->at("registry.example.net").password, "s3cr3t");
  EXPECT_EQ(encode(*credentials), text);
  EXPECT_EQ(decode_registry_credentials(R"({"r":{}})")->at("r").registry_type, "oci");
  const auto wrong = decode_registry_credentials(R"({"r":{"password":["s3cr3t"]}})");
  EXPECT_EQ(wrong.error().message(), "registry credentials: `r`: member `password` must be a string");
  EXPECT_FALSE(decode_registry_credentials(R"({"r":"x"})"));
}

TEST(ControlTest, takes_configuration_of_strings_alone) {
  EXPECT_EQ(encode(*decode_string_map(R"({"greeting":"hello","retries":"3"})")),
            R"({"greeting":"hello","retries":"3"})");
  EXPECT_EQ(decode_string_map(R"({"retries":3})").error().message(),
            "configuration: must be an object of strings, and its `retries` is none");
  EXPECT_FALSE(decode_string_map("[]"));
  EXPECT_FALSE(decode_string_map(""));
}

}  // namespace
}  // namespace weft::wire
