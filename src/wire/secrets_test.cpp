// SPDX-License-Identifier: Apache-2.0
#include "wire/secrets.hpp"

#include <gtest/gtest.h>

namespace weft::wire {
namespace {

const StringMap kDatabase{{"name", "db-password"}, {"type", "secret.wasmcloud.dev/v1alpha1"},
                          {"backend", "vault"},    {"key", "shop/prod/db"},
                          {"field", "password"},   {"policy", R"({"a":1})"}};

TEST(SecretsTest, a_reference_is_an_entry_with_certain_members) {
  EXPECT_EQ(*read_secret_reference("SECRET_db", kDatabase), (SecretReference{.name = "db-password",
                                                                             .backend = "vault",
                                                                             .key = "shop/prod/db",
                                                                             .field = "password",
                                                                             .version = {},
                                                                             .policy = R"({"a":1})"}));
  for (const auto* member : {"name", "type", "backend", "key", "policy"}) {
    auto without = kDatabase;
    without.erase(member);
    const auto reference = read_secret_reference("SECRET_db", without);
    ASSERT_FALSE(reference) << member;
    EXPECT_TRUE(reference.error().message().contains("SECRET_db")) << reference.error().message();
    EXPECT_TRUE(reference.error().message().contains(member)) << reference.error().message();
  }
}

TEST(SecretsTest, a_request_is_written_in_1_9s_words) {
  const auto reference = *read_secret_reference("SECRET_db", kDatabase);
  EXPECT_EQ(secret_request(reference, {.entity_jwt = "e.e.e", .host_jwt = "h.h.h", .application = "shop"}),
            R"({"key":"shop/prod/db","field":"password","version":null,"context":{"entity_jwt":"e.e.e",)"
            R"("host_jwt":"h.h.h","application":{"name":"shop","policy":"{\"a\":1}"}}})");
}

TEST(SecretsTest, a_secret_is_text_or_bytes_and_text_is_preferred) {
  EXPECT_EQ(*decode_secret_response(R"({"secret":{"version":"7","string_secret":"hunter2","binary_secret":[1]}})"),
            (SecretValue{.kind = SecretValue::Kind::text, .value = "hunter2"}));
  EXPECT_EQ(*decode_secret_response(R"({"secret":{"version":"7","string_secret":null,"binary_secret":[0,255]}})"),
            (SecretValue{.kind = SecretValue::Kind::bytes, .value = std::string("\0\xff", 2)}));
}

TEST(SecretsTest, a_backend_says_why_there_is_none) {
  EXPECT_EQ(decode_secret_response(R"({"error":"SecretNotFound"})").error().code(), Errc::not_found);
  EXPECT_EQ(decode_secret_response(R"({"error":"Unauthorized"})").error().code(), Errc::permission_denied);
  const auto upstream = decode_secret_response(R"({"error":{"UpstreamError":"sealed"}})");
  EXPECT_EQ(upstream.error().code(), Errc::refused);
  EXPECT_EQ(upstream.error().message(), "UpstreamError: sealed");
}

TEST(SecretsTest, what_is_neither_is_refused_without_showing_it) {
  for (const auto* text :
       {"", "{}", "[]", R"({"error":7})", R"({"error":{"a":"b","c":"d"}})", R"({"secret":"hunter2"})",
        R"({"secret":{"version":"1"}})", R"({"secret":{"string_secret":["hunter2"]}})",
        R"({"secret":{"binary_secret":[256]}})", R"({"secret":{"string_secret":null,"binary_secret":null}})"}) {
    const auto decoded = decode_secret_response(text);
    ASSERT_FALSE(decoded) << text;
    EXPECT_EQ(decoded.error().code(), Errc::malformed) << text;
    EXPECT_FALSE(decoded.error().to_string().contains("hunter2"));
  }
}

TEST(SecretsTest, subjects_name_topic_version_and_backend) {
  EXPECT_EQ(secrets_subject("wasmcloud.secrets", "nats-kv", SecretsSubject::get),
            "wasmcloud.secrets.v1alpha1.nats-kv.get");
  EXPECT_EQ(secrets_subject("s", "vault", SecretsSubject::server_key), "s.v1alpha1.vault.server_xkey");
}

}  // namespace
}  // namespace weft::wire
