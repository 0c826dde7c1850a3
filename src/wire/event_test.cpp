// SPDX-License-Identifier: Apache-2.0
#include "wire/event.hpp"

#include <gtest/gtest.h>

#include "wire/test_json.hpp"

namespace weft::wire {
namespace {

constexpr const char* kHost = "NCPKIRYRASZ7NB7FMEXEYYAU5FIHB7N3WZSUISJCS7NMWQTYVD6PPK5V";
const StringMap kLabels{{"hostcore.arch", "x86_64"}, {"hostcore.os", "linux"}, {"hostcore.osfamily", "unix"}};

Link cart_to_kv() {
  Link link;
  link.source_id = "shop-cart";
  link.target = "shop-kv";
  link.wit_namespace = "wasi";
  link.wit_package = "keyvalue";
  link.interfaces = {"store", "atomics"};
  return link;
}

ComponentClaims cart_claims() {
  ComponentClaims claims;
  claims.subject = "MDX646OUGTPYCAAHVFRUE2CUVGZ2HZVDEZSJT7C76R6QIVUMUX4FIFLW";
  claims.issuer = "ADKM745PT6MFHLCXFG52EDV2BVA4EEOVLFH7PRLHVS5CGCWEPWBS46SJ";
  claims.name = "cart";
  claims.version = "1.4.0";
  return claims;
}

ComponentEvent cart_event() {
  ComponentEvent event;
  event.component_id = "shop-cart";
  event.host_id = kHost;
  event.image_ref = "registry.example.net/shop/cart:1.4.0";
  event.annotations = {{"wasmcloud.dev/appspec", "shop"}};
  event.max_instances = 50;
  return event;
}

ProviderEvent http_event() {
  ProviderEvent event;
  event.provider_id = "shop-http";
  event.host_id = kHost;
  event.image_ref = "ghcr.io/wasmcloud/http-server:0.27.0";
  return event;
}

TEST(EventTest, wraps_data_in_a_cloud_event) {
  constexpr std::string_view text = R"({"specversion":"1.0","id":"0199c1de-5a7b-0c4e-9d21-6f0b8f1f3a55",
      "type":"com.wasmcloud.lattice.config_set",
      "source":"NCPKIRYRASZ7NB7FMEXEYYAU5FIHB7N3WZSUISJCS7NMWQTYVD6PPK5V",
      "datacontenttype":"application/json","time":"2026-02-04T19:05:35.120394Z",
      "data":{"config_name":"shop-cart_defaults"}})";
  const auto event = decode_event(text);
  ASSERT_TRUE(event);
  EXPECT_EQ(event->name, "config_set");
  EXPECT_EQ(event->source, kHost);
  EXPECT_EQ(event->id, "0199c1de-5a7b-0c4e-9d21-6f0b8f1f3a55");
  EXPECT_EQ(event->time, "2026-02-04T19:05:35.120394Z");
  EXPECT_EQ(event->data, config_data("shop-cart_defaults"));
  EXPECT_TRUE(same_json(encode(*event), text));
}

TEST(EventTest, refuses_what_is_no_lattice_event) {
  const auto fault_of = [](std::string_view type, std::string_view data, std::string_view version = "1.0") {
    const auto event =
        decode_event(R"({"specversion":")" + std::string(version) + R"(","id":"i","source":"s","type":")" +
                     std::string(type) + "\"" + std::string(data) + "}");
    return event ? "none" : event.error().message();
  };
  EXPECT_EQ(fault_of("com.wasmcloud.lattice.x", R"(,"data":{})"), "none");
  EXPECT_EQ(fault_of("com.example.x", R"(,"data":{})"),
            "lattice event: member `type` must begin with com.wasmcloud.lattice. and a name");
  EXPECT_NE(fault_of("com.wasmcloud.lattice.", R"(,"data":{})"), "none");
  EXPECT_EQ(fault_of("com.wasmcloud.lattice.x", ""), "lattice event: member `data` must be an object");
  EXPECT_NE(fault_of("com.wasmcloud.lattice.x", R"(,"data":[])"), "none");
  EXPECT_NE(fault_of("com.wasmcloud.lattice.x", R"(,"data":{})", "0.3"), "none");
  EXPECT_FALSE(decode_event("{}"));
}

TEST(EventTest, tells_of_hosts) {
  EXPECT_TRUE(same_json(host_started_data("quiet-harbor-0412", kLabels, "1.9.2"), R"({
      "friendly_name":"quiet-harbor-0412","uptime_seconds":0,"version":"1.9.2",
      "labels":{"hostcore.arch":"x86_64","hostcore.os":"linux","hostcore.osfamily":"unix"}})"));
  EXPECT_EQ(host_stopped_data({}), R"({"labels":{}})");
  auto labels = kLabels;
  labels["cordon"] = "true";
  EXPECT_TRUE(same_json(labels_changed_data(kHost, labels), R"({
      "host_id":"NCPKIRYRASZ7NB7FMEXEYYAU5FIHB7N3WZSUISJCS7NMWQTYVD6PPK5V",
      "labels":{"cordon":"true","hostcore.arch":"x86_64","hostcore.os":"linux","hostcore.osfamily":"unix"}})"));
}

TEST(EventTest, tells_of_links) {
  const auto link = cart_to_kv();
  EXPECT_EQ(linkdef_set_data(link), encode(link));
  EXPECT_TRUE(same_json(linkdef_set_failed_data(link, "no such config"), R"({
      "source_id":"shop-cart","target":"shop-kv","name":"default","wit_namespace":"wasi","wit_package":"keyvalue",
      "interfaces":["store","atomics"],"source_config":[],"target_config":[],"error":"no such config"})"));
  DeleteLink command;
  command.source_id = "shop-cart";
  command.wit_namespace = "wasi";
  command.wit_package = "keyvalue";
  EXPECT_TRUE(same_json(linkdef_deleted_data(command, &link), R"({
      "source_id":"shop-cart","target":"shop-kv","name":"default","wit_namespace":"wasi",
      "wit_package":"keyvalue","interfaces":["store","atomics"]})"));
  EXPECT_TRUE(same_json(linkdef_deleted_data(command, nullptr), encode(command)));
}

TEST(EventTest, tells_of_a_signed_component) {
  auto event = cart_event();
  const auto claims = cart_claims();
  event.claims = &claims;
  EXPECT_TRUE(same_json(component_scaled_data(event), R"({
      "public_key":"MDX646OUGTPYCAAHVFRUE2CUVGZ2HZVDEZSJT7C76R6QIVUMUX4FIFLW",
      "claims":{"call_alias":null,"issuer":"ADKM745PT6MFHLCXFG52EDV2BVA4EEOVLFH7PRLHVS5CGCWEPWBS46SJ",
         "tags":[],"name":"cart","version":"1.4.0","revision":0,
         "not_before_human":"never","expires_human":"never"},
      "annotations":{"wasmcloud.dev/appspec":"shop"},
      "host_id":"NCPKIRYRASZ7NB7FMEXEYYAU5FIHB7N3WZSUISJCS7NMWQTYVD6PPK5V",
      "image_ref":"registry.example.net/shop/cart:1.4.0","max_instances":50,"component_id":"shop-cart"})"));
  const auto failed = component_scale_failed_data(event);
  EXPECT_TRUE(failed.contains("\"public_key\"")) << failed;
  EXPECT_FALSE(failed.contains("\"claims\"")) << failed;
}

TEST(EventTest, writes_dates_of_claims_as_decimal_seconds) {
  auto event = cart_event();
  auto claims = cart_claims();
  claims.expires = 1770231935;
  claims.call_alias = "shop/cart";
  event.claims = &claims;
  const auto text = component_scaled_data(event);
  EXPECT_TRUE(text.contains(R"("expires_human":"1770231935")")) << text;
  EXPECT_TRUE(text.contains(R"("call_alias":"shop/cart")")) << text;
}

TEST(EventTest, leaves_claims_out_for_an_unsigned_component) {
  auto event = cart_event();
  event.max_instances = 4294967295;
  EXPECT_TRUE(same_json(component_scaled_data(event), R"({"annotations":{"wasmcloud.dev/appspec":"shop"},
      "host_id":"NCPKIRYRASZ7NB7FMEXEYYAU5FIHB7N3WZSUISJCS7NMWQTYVD6PPK5V",
      "image_ref":"registry.example.net/shop/cart:1.4.0","max_instances":4294967295,"component_id":"shop-cart"})"));
  event.annotations.clear();
  event.image_ref = "registry.example.net/shop/cart:9.9.9";
  event.max_instances = 50;
  event.error = "failed to fetch component: manifest unknown";
  EXPECT_TRUE(same_json(component_scale_failed_data(event), R"({
      "annotations":{},"component_id":"shop-cart",
      "host_id":"NCPKIRYRASZ7NB7FMEXEYYAU5FIHB7N3WZSUISJCS7NMWQTYVD6PPK5V",
      "image_ref":"registry.example.net/shop/cart:9.9.9","max_instances":50,
      "error":"failed to fetch component: manifest unknown"})"));
}

TEST(EventTest, tells_of_a_provider) {
  auto event = http_event();
  event.annotations = {{"wasmcloud.dev/appspec", "shop"}};
  ProviderClaims claims;
  claims.issuer = "ADKM745PT6MFHLCXFG52EDV2BVA4EEOVLFH7PRLHVS5CGCWEPWBS46SJ";
  claims.name = "http-server-provider";
  claims.version = "0.27.0";
  event.claims = &claims;
  EXPECT_TRUE(same_json(provider_started_data(event), R"({
      "host_id":"NCPKIRYRASZ7NB7FMEXEYYAU5FIHB7N3WZSUISJCS7NMWQTYVD6PPK5V",
      "image_ref":"ghcr.io/wasmcloud/http-server:0.27.0","provider_id":"shop-http",
      "annotations":{"wasmcloud.dev/appspec":"shop"},
      "claims":{"issuer":"ADKM745PT6MFHLCXFG52EDV2BVA4EEOVLFH7PRLHVS5CGCWEPWBS46SJ","tags":null,
         "name":"http-server-provider","version":"0.27.0","not_before_human":"never","expires_human":"never"},
      "instance_id":"shop-http","public_key":"shop-http","link_name":"default"})"));
  EXPECT_TRUE(same_json(provider_stopped_data(http_event()), R"({
      "host_id":"NCPKIRYRASZ7NB7FMEXEYYAU5FIHB7N3WZSUISJCS7NMWQTYVD6PPK5V","provider_id":"shop-http",
      "annotations":{},"reason":"stop","instance_id":"shop-http","public_key":"shop-http","link_name":"default"})"));
}

TEST(EventTest, names_a_provider_that_failed_as_it_was_asked_for) {
  auto event = http_event();
  event.image_ref = "oci://ghcr.io/wasmcloud/http-server:0.27.0";
  event.error = "no";
  EXPECT_TRUE(same_json(provider_start_failed_data(event), R"({
      "provider_ref":"oci://ghcr.io/wasmcloud/http-server:0.27.0","provider_id":"shop-http",
      "host_id":"NCPKIRYRASZ7NB7FMEXEYYAU5FIHB7N3WZSUISJCS7NMWQTYVD6PPK5V","error":"no","link_name":"default"})"));
  EXPECT_EQ(health_check_data("N", "p"), R"({"host_id":"N","provider_id":"p"})");
}

}  // namespace
}  // namespace weft::wire
