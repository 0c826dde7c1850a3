// SPDX-License-Identifier: Apache-2.0
#include "wire/host_data.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wire/test_json.hpp"

namespace weft::wire {
namespace {

using testing::HasSubstr;
using testing::Not;

// The example of data-plane facts 4.4.
constexpr std::string_view kHostData =
    R"({"host_id":"NACAIBAEAQCAIBAEAQCAIBAEAQCAIBAEAQCAIBAEAQCAIBAEAQCAICP6","lattice_rpc_prefix":"default","link_name":"default",
 "lattice_rpc_user_jwt":"","lattice_rpc_user_seed":"","lattice_rpc_url":"nats://127.0.0.1:4222","provider_key":"http-server",
 "env_values":{},"instance_id":"3f0c9e0e-5b0a-4a55-9f0e-6d1d1d0d8d11",
 "link_definitions":[{"source_id":"http-server","target":"hello","name":"default","wit_namespace":"wasi","wit_package":"http",
   "interfaces":["incoming-handler"],"source_config":{"address":"127.0.0.1:8000"},"target_config":{},"source_secrets":null,"target_secrets":null}],
 "cluster_issuers":[],"config":{"default_address":"0.0.0.0:8000"},"secrets":{"token":{"kind":"String","value":"s3cr3t"}},
 "host_xkey_public_key":"XCSOBEUSWZI4E6FZO4WFNH27VG5RHWIGWRVLNDE57HOCWRAJ7CRATSUK",
 "provider_xkey_private_key":"SXAAEAQCAIBAEAQCAIBAEAQCAIBAEAQCAIBAEAQCAIBAEAQCAIBAEAT5QQ",
 "default_rpc_timeout_ms":2000,"structured_logging":false,"log_level":"info",
 "otel_config":{"enable_observability":false,"protocol":"Http","additional_ca_paths":[],"trace_level":"info"}})";

TEST(HostDataTest, reads_and_writes_what_a_host_of_wasmcloud_1_9_sends) {
  const auto data = decode_host_data(kHostData);
  ASSERT_TRUE(data) << data.error().to_string();
  EXPECT_EQ(data->provider_key, "http-server");
  ASSERT_EQ(data->link_definitions.size(), 1U);
  EXPECT_EQ(data->link_definitions[0].source_config.at("address"), "127.0.0.1:8000");
  EXPECT_FALSE(data->link_definitions[0].source_secrets);
  EXPECT_EQ(data->secrets.at("token"), (SecretValue{SecretValue::Kind::text, "s3cr3t"}));
  EXPECT_EQ(data->default_rpc_timeout_ms, 2000U);
  EXPECT_EQ(data->otel_config, OtelConfig());
  EXPECT_TRUE(same_json(encode(*data), kHostData));
}

TEST(HostDataTest, takes_a_document_of_an_old_host) {
  const auto data = decode_host_data(R"({"env_values":{},"link_definitions":[],"future":[1]})");
  ASSERT_TRUE(data);
  EXPECT_EQ(data->host_xkey_public_key, "");
  EXPECT_FALSE(data->default_rpc_timeout_ms);
  EXPECT_FALSE(data->log_level);
  EXPECT_THAT(encode(*data), Not(HasSubstr("log_level")));
}

TEST(HostDataTest, insists_on_links_and_variables) {
  EXPECT_THAT(decode_host_data(R"({"env_values":{}})").error().message(), HasSubstr("link_definitions"));
  EXPECT_THAT(decode_host_data(R"({"link_definitions":[]})").error().message(), HasSubstr("env_values"));
  EXPECT_EQ(decode_host_data("[]").error().code(), Errc::malformed);
}

TEST(HostDataTest, writes_where_telemetry_goes_only_as_far_as_it_is_set) {
  HostData data;
  data.otel_config.protocol = OtelConfig::Protocol::grpc;
  data.otel_config.enable_traces = true;
  data.otel_config.logs_endpoint = "http://10.0.0.1:4317";
  data.otel_config.max_batch_queue_size = 7;
  const auto text = encode(data);
  EXPECT_THAT(text, HasSubstr(R"("protocol":"Grpc")"));
  EXPECT_THAT(text, Not(HasSubstr("enable_logs")));
  EXPECT_EQ(decode_host_data(text)->otel_config, data.otel_config);
  for (const std::string protocol : {"grpc", "Grpc", "http", "Http"}) {
    EXPECT_TRUE(decode_host_data(R"({"env_values":{},"link_definitions":[],"otel_config":{"protocol":")" + protocol +
                                 R"("}})"));
  }
  EXPECT_FALSE(decode_host_data(R"({"env_values":{},"link_definitions":[],"otel_config":{"protocol":"udp"}})"));
}

TEST(HostDataTest, is_one_line_of_padded_base64) {
  auto data = *decode_host_data(kHostData);
  // Three lengths in a row have every padding there is.
  for (int length = 0; length < 3; ++length) {
    data.provider_key += "x";
    const auto line = host_data_line(data);
    EXPECT_EQ(line.find_first_of("\r\n"), line.size() - 2);
    EXPECT_EQ((line.size() - 2) % 4, 0U);
    const auto read = read_host_data_line(line);
    ASSERT_TRUE(read);
    EXPECT_EQ(*read, data);
    EXPECT_EQ(*read_host_data_line(" \t" + line), data);
  }
}

TEST(HostDataTest, takes_no_other_base64) {
  const auto refused = [](std::string_view line) { return read_host_data_line(line).error().code(); };
  EXPECT_EQ(refused(""), Errc::malformed);
  EXPECT_EQ(refused("\r\n"), Errc::malformed);
  EXPECT_EQ(refused("e30"), Errc::malformed) << "no padding";
  EXPECT_EQ(refused("e3 0="), Errc::malformed);
  EXPECT_EQ(refused("_-8="), Errc::malformed) << "the alphabet of URLs";
  EXPECT_EQ(refused("e30="), Errc::malformed) << "an object without members";
}

TEST(LinkDefinitionTest, tells_bytes_as_numbers_and_no_secrets_as_null) {
  LinkDefinition link{.source_id = "shop-cart",
                      .target = "shop-kv",
                      .wit_namespace = "wasi",
                      .wit_package = "keyvalue",
                      .interfaces = {"store", "atomics"},
                      .source_config = {},
                      .target_config = {{"url", "redis://10.0.0.7:6379"}},
                      .source_secrets = {},
                      .target_secrets = std::string("xkv1\x00\xff", 6)};
  const auto text = encode(link);
  EXPECT_TRUE(same_json(text, R"({"source_id":"shop-cart","target":"shop-kv","name":"default","wit_namespace":"wasi",
      "wit_package":"keyvalue","interfaces":["store","atomics"],"source_config":{},
      "target_config":{"url":"redis://10.0.0.7:6379"},"source_secrets":null,
      "target_secrets":[120,107,118,49,0,255]})"));
  EXPECT_EQ(*decode_link_definition(text), link);
}

TEST(LinkDefinitionTest, names_the_member_that_is_wrong_and_no_value) {
  const auto fault = [](std::string_view more) {
    return decode_link_definition(R"({"source_id":"","target":"","wit_namespace":"","wit_package":"","interfaces":[])" +
                                  std::string(more) + "}")
        .error()
        .message();
  };
  EXPECT_THAT(fault(R"(,"source_secrets":[256])"), HasSubstr("source_secrets"));
  EXPECT_THAT(fault(R"(,"target_secrets":"box")"), HasSubstr("target_secrets"));
  EXPECT_THAT(fault(R"(,"target_config":["name"])"), HasSubstr("target_config"));
  EXPECT_THAT(decode_link_definition(R"({"source_id":"a"})").error().message(), HasSubstr("target"));
}

TEST(SecretMapTest, reads_text_and_bytes) {
  const auto secrets =
      decode_secret_map(R"({"a":{"kind":"String","value":"text"},"b":{"kind":"Bytes","value":[0,255,1]}})");
  ASSERT_TRUE(secrets);
  EXPECT_EQ(secrets->at("a"), (SecretValue{SecretValue::Kind::text, "text"}));
  EXPECT_EQ(secrets->at("b"), (SecretValue{SecretValue::Kind::bytes, std::string("\0\xff\1", 3)}));
  EXPECT_EQ(*decode_secret_map(encode(*secrets)), *secrets);
}

TEST(SecretMapTest, never_shows_what_it_could_not_read) {
  for (const std::string_view text :
       {R"({"hunter2":{"kind":"String","value":7}})", R"({"hunter2":{"kind":"hunter2","value":""}})",
        R"({"hunter2":{"kind":"Bytes","value":"hunter2"}})", R"({"hunter2":{"kind":"Bytes"}})",
        R"({"hunter2":"hunter2"})", R"({"hunter2":{"kind":"Bytes","value":[256]}})"}) {
    const auto secrets = decode_secret_map(text);
    ASSERT_FALSE(secrets) << text;
    EXPECT_THAT(secrets.error().to_string(), Not(HasSubstr("hunter2")));
  }
}

// The test vector of data-plane facts 4.6: keys of 32 times 1 and 2, a nonce of 24 times 3.
class SealedSecretsTest : public testing::Test {
 protected:
  static KeyBytes filled(std::uint8_t byte) {
    KeyBytes bytes{};
    bytes.fill(byte);
    return bytes;
  }
  KeyPair host = KeyPair::from_entropy(KeyKind::curve, filled(1));
  KeyPair provider = KeyPair::from_entropy(KeyKind::curve, filled(2));
  std::array<std::uint8_t, kNonceBytes> nonce{3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3};
  const SecretMap secrets{{"password", {SecretValue::Kind::text, "hunter2"}}};
};

TEST_F(SealedSecretsTest, keys_have_the_texts_of_the_vector) {
  EXPECT_EQ(host.seed(), "SXAACAIBAEAQCAIBAEAQCAIBAEAQCAIBAEAQCAIBAEAQCAIBAEAQCAN4QM");
  EXPECT_EQ(host.public_text(), "XCSOBEUSWZI4E6FZO4WFNH27VG5RHWIGWRVLNDE57HOCWRAJ7CRATSUK");
  EXPECT_EQ(provider.seed(), "SXAAEAQCAIBAEAQCAIBAEAQCAIBAEAQCAIBAEAQCAIBAEAQCAIBAEAT5QQ");
  EXPECT_EQ(provider.public_text(), "XDHI2OWRZS3DH3D3ODAXQFFFY5XM2AUWQUCQ2NCHIW5ALBYOLB6VSWAL");
}

TEST_F(SealedSecretsTest, are_sealed_to_the_bytes_of_the_vector) {
  const auto sealed = seal_secrets(secrets, host, provider.public_key(), nonce);
  ASSERT_TRUE(sealed && *sealed);
  const std::string expected =
      "\x78\x6b\x76\x31" + std::string(24, '\x03') +
      "\x59\xbd\x79\x7b\xe5\x2d\x2a\xd5\x84\x8b\x16\x45\xd9\x5d\x65\x17"
      "\x98\x09\x0f\x6e\x58\x65\x4d\xc1\x56\x64\x04\x4d\x01\x88\xab\x92\xa4\x3e\x82\x8f\x4a\x47\x7e\x96\x3f\x35\xd4"
      "\x64\x5e\x47\x0c\x52\x7e\xef\xa1\x96\x38\xca\xc9\xda\x35\x41\x20\x6d\x2e\xfd\x53\x98";
  EXPECT_EQ(**sealed, expected);
  EXPECT_EQ(*open_secrets(*sealed, provider, host.public_key()), secrets);
}

TEST_F(SealedSecretsTest, none_are_not_sealed) {
  const auto sealed = seal_secrets({}, host, provider.public_key(), nonce);
  ASSERT_TRUE(sealed);
  EXPECT_FALSE(*sealed);
  EXPECT_TRUE(open_secrets(*sealed, provider, host.public_key())->empty());
}

TEST_F(SealedSecretsTest, of_another_host_do_not_open) {
  const auto sealed = *seal_secrets(secrets, host, provider.public_key(), nonce);
  EXPECT_EQ(open_secrets(sealed, provider, provider.public_key()).error().code(), Errc::permission_denied);
}

TEST(ProviderMessageTest, health_and_shutdown) {
  EXPECT_EQ(encode(HealthReply{.healthy = true, .message = {}}), R"({"healthy":true})");
  EXPECT_EQ(encode(HealthReply{.healthy = false, .message = "no disk"}), R"({"healthy":false,"message":"no disk"})");
  EXPECT_EQ(*decode_health_reply("{}"), HealthReply()) << "a reply that does not say so is not healthy";
  EXPECT_EQ(*decode_health_reply(R"({"healthy":true,"message":null,"more":1})"), (HealthReply{true, {}}));
  EXPECT_FALSE(decode_health_reply(""));
  EXPECT_FALSE(decode_health_reply(R"({"healthy":1})"));
  EXPECT_EQ(encode(ShutdownRequest{"N1"}), R"({"host_id":"N1"})");
  EXPECT_EQ(decode_shutdown_request(R"({"host_id":"N1"})")->host_id, "N1");
  EXPECT_FALSE(decode_shutdown_request("{}"));
}

TEST(ProviderMessageTest, subjects) {
  const auto subject = [](ProviderSubject which) { return provider_subject("shop", "kv", which); };
  EXPECT_EQ(subject(ProviderSubject::health), "wasmbus.rpc.shop.kv.health");
  EXPECT_EQ(subject(ProviderSubject::shutdown), "wasmbus.rpc.shop.kv.default.shutdown");
  EXPECT_EQ(subject(ProviderSubject::link_put), "wasmbus.rpc.shop.kv.linkdefs.put");
  EXPECT_EQ(subject(ProviderSubject::link_del), "wasmbus.rpc.shop.kv.linkdefs.del");
  EXPECT_EQ(subject(ProviderSubject::config_update), "wasmbus.rpc.shop.kv.config.update");
}

}  // namespace
}  // namespace weft::wire
