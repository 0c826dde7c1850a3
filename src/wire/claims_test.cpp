// SPDX-License-Identifier: Apache-2.0
#include "wire/claims.hpp"

#include <gtest/gtest.h>

#include "wire/jwt.hpp"
#include "wire/test_json.hpp"
#include "wire/test_wasm.hpp"
#include "wire/wasm_token.hpp"

namespace weft::wire {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::system_clock;

constexpr std::int64_t kNow = 1'770'231'935;
const system_clock::time_point kNowPoint{seconds(kNow)};

KeyPair issuer_pair() { return KeyPair::from_entropy(KeyKind::account, KeyBytes{1}); }
std::string subject_text() { return KeyPair::from_entropy(KeyKind::module_, KeyBytes{2}).public_text(); }

ComponentClaims cart_claims() {
  ComponentClaims claims;
  claims.subject = subject_text();
  claims.name = "cart";
  claims.version = "1.4.0";
  claims.revision = 3;
  claims.tags = {"a", "b"};
  return claims;
}

std::string signed_cart(const ComponentClaims& claims = cart_claims()) {
  return sign_component(component(section(6, "code")), claims, {"id", kNow}, issuer_pair()).operator*();
}

/// A binary whose token has this payload, signed well.
std::string with_payload(std::string_view payload) {
  return append_wasm_token(component(section(6, "code")), *sign_token(payload, issuer_pair()));
}

Error error_of(std::string_view wasm, system_clock::time_point now = kNowPoint) {
  const auto claims = extract_component_claims(wasm, now);
  EXPECT_FALSE(claims);
  return claims ? Error{Errc::internal, "none"} : claims.error();
}

TEST(ClaimsTest, extracts_what_was_signed) {
  const auto claims = extract_component_claims(signed_cart(), kNowPoint);
  ASSERT_TRUE(claims) << claims.error().to_string();
  ASSERT_TRUE(claims->has_value());
  const auto& cart = **claims;
  EXPECT_EQ(cart.subject, subject_text());
  EXPECT_EQ(cart.issuer, issuer_pair().public_text());
  EXPECT_EQ(cart.name, "cart");
  EXPECT_EQ(cart.version, "1.4.0");
  EXPECT_EQ(cart.revision, 3);
  EXPECT_EQ(cart.tags, (std::vector<std::string>{"a", "b"}));
  EXPECT_FALSE(cart.call_alias);
  EXPECT_FALSE(cart.expires);
  EXPECT_TRUE(split_token(cart.jwt));
}

TEST(ClaimsTest, takes_an_unsigned_component_as_anonymous) {
  const auto claims = extract_component_claims(component(section(6, "code")), kNowPoint);
  ASSERT_TRUE(claims);
  EXPECT_FALSE(claims->has_value());
}

TEST(ClaimsTest, replaces_the_token_when_signing_again) {
  auto renamed = cart_claims();
  renamed.name = "basket";
  const auto again = sign_component(signed_cart(), renamed, {"id2", kNow}, issuer_pair());
  ASSERT_TRUE(again);
  EXPECT_EQ(extract_component_claims(*again, kNowPoint).operator*()->name, "basket");
}

TEST(ClaimsTest, refuses_a_component_that_was_changed_after_signing) {
  auto wasm = signed_cart();
  wasm[wasm.find("code")] = 'C';
  const auto error = error_of(wasm);
  EXPECT_EQ(error.code(), Errc::permission_denied);
  EXPECT_EQ(error.message(), "failed to extract module claims: Invalid module hash");
}

TEST(ClaimsTest, refuses_a_signature_of_another_key) {
  const auto payload = R"({"iss":")" + KeyPair::from_entropy(KeyKind::account, KeyBytes{9}).public_text() +
                       R"(","sub":")" + subject_text() + R"(","wascap":{}})";
  const auto error = error_of(with_payload(payload));
  EXPECT_EQ(error.code(), Errc::permission_denied);
  EXPECT_EQ(error.message(), "signature is not valid");
}

TEST(ClaimsTest, refuses_a_token_out_of_its_time) {
  auto claims = cart_claims();
  claims.expires = kNow;
  claims.not_before = kNow;
  const auto wasm = signed_cart(claims);
  EXPECT_TRUE(extract_component_claims(wasm, kNowPoint));
  EXPECT_EQ(extract_component_claims(wasm, kNowPoint).operator*()->expires, kNow);
  EXPECT_EQ(error_of(wasm, kNowPoint + milliseconds(1)).message(), "token expired at `in 0s`");
  EXPECT_EQ(error_of(wasm, kNowPoint + hours(50)).message(), "token expired at `2days ago`");
  EXPECT_EQ(error_of(wasm, kNowPoint + seconds(150)).message(), "token expired at `2m ago`");
  const auto early = error_of(wasm, kNowPoint - seconds(3 * 3600 + 5));
  EXPECT_EQ(early.code(), Errc::permission_denied);
  EXPECT_EQ(early.message(), "token cannot be used before `in 3h`");
}

TEST(ClaimsTest, believes_no_hash_of_tokens_before_revision_3) {
  const auto payload = [](std::string_view more) {
    return R"({"iss":")" + issuer_pair().public_text() + R"(","sub":"M","exp":null,"wascap":{"hash":"00")" +
           std::string(more);
  };
  EXPECT_TRUE(extract_component_claims(with_payload(payload("}}")), kNowPoint));
  EXPECT_TRUE(extract_component_claims(with_payload(payload(R"(},"wascap_revision":2})")), kNowPoint));
  EXPECT_FALSE(extract_component_claims(with_payload(payload(R"(},"wascap_revision":3})")), kNowPoint));
}

TEST(ClaimsTest, names_what_is_wrong_with_a_token) {
  const auto iss = R"("iss":")" + issuer_pair().public_text() + "\"";
  EXPECT_EQ(error_of(append_wasm_token(component(""), "x")).message(),
            "failed to extract module claims: token: it does not have three segments");
  EXPECT_EQ(error_of(with_payload("{}")).message(),
            "failed to extract module claims: token payload: member `iss` is missing");
  EXPECT_EQ(error_of(with_payload("{" + iss + R"(,"sub":"M"})")).message(),
            "failed to extract module claims: token payload: member `wascap` must be an object");
  EXPECT_EQ(error_of(with_payload("{" + iss + R"(,"sub":"","wascap":{}})")).message(),
            "failed to extract module claims: token payload: its issuer or subject is empty");
  EXPECT_EQ(error_of(with_payload("{" + iss + R"(,"sub":"M","exp":-1,"wascap":{}})")).code(), Errc::malformed);
  EXPECT_EQ(error_of(with_payload("{" + iss + R"(,"sub":"M","wascap":{"rev":2147483648}})")).code(), Errc::malformed);
  EXPECT_EQ(error_of(with_payload(R"({"iss":"A","sub":"M","wascap":{}})")).message(),
            "failed to validate module token: the public key has 1 characters and not 56");
  EXPECT_EQ(error_of("not wasm").message(),
            "failed to extract module claims: not a WebAssembly binary: its header is missing");
}

TEST(ClaimsTest, survives_dates_at_the_edge_of_numbers) {
  const auto iss = R"({"iss":")" + issuer_pair().public_text() + R"(","sub":"M","wascap":{},)";
  const auto claims = extract_component_claims(with_payload(iss + R"("exp":18446744073709551615})"), kNowPoint);
  ASSERT_TRUE(claims);
  EXPECT_EQ(claims->value().expires, std::numeric_limits<std::int64_t>::max());
  EXPECT_TRUE(error_of(with_payload(iss + R"("nbf":18446744073709551615})")).message().contains("cannot be used"));
  EXPECT_TRUE(error_of(with_payload(iss + R"("exp":0})")).message().starts_with("token expired at `56years"));
}

TEST(ClaimsTest, reads_the_claims_of_a_provider) {
  ProviderClaims claims;
  claims.subject = KeyPair::from_entropy(KeyKind::service, KeyBytes{3}).public_text();
  claims.name = "http-server-provider";
  claims.vendor = "acme";
  claims.version = "0.27.0";
  claims.config_schema = R"({"type":"object"})";
  claims.target_hashes = {{"x86_64-linux", "AB"}, {"world.wasm", "CD"}};
  claims.expires = kNow;
  const auto token = sign_provider_claims(claims, {"id", kNow}, issuer_pair());
  ASSERT_TRUE(token);
  const auto read = read_provider_claims(*token, kNowPoint);
  ASSERT_TRUE(read) << read.error().to_string();
  EXPECT_EQ(read->jwt, *token);
  EXPECT_EQ(read->subject, claims.subject);
  EXPECT_EQ(read->issuer, issuer_pair().public_text());
  EXPECT_EQ(read->name, claims.name);
  EXPECT_EQ(read->vendor, "acme");
  EXPECT_EQ(read->version, claims.version);
  EXPECT_EQ(read->config_schema, claims.config_schema);
  EXPECT_EQ(read->target_hashes, claims.target_hashes);
  EXPECT_FALSE(read_provider_claims(*token, kNowPoint + seconds(1)));
  auto forged = *token;
  forged[forged.size() - 10] = forged[forged.size() - 10] == 'A' ? 'B' : 'A';
  EXPECT_EQ(read_provider_claims(forged, kNowPoint).error().message(), "signature is not valid");
}

TEST(ClaimsTest, shows_claims_that_do_not_hold) {
  auto claims = cart_claims();
  claims.expires = kNow - 10;
  const auto wasm = signed_cart(claims);
  EXPECT_EQ(error_of(wasm).code(), Errc::permission_denied);
  const auto shown = peek_component_claims(wasm);
  ASSERT_TRUE(shown && *shown);
  EXPECT_EQ((*shown)->name, "cart");
  EXPECT_EQ((*shown)->expires, kNow - 10);
  EXPECT_EQ((*shown)->hash, sha256_text(*strip_wasm_tokens(wasm)));
  EXPECT_EQ(peek_component_claims(component("")).operator*(), std::nullopt);
}

}  // namespace
}  // namespace weft::wire
