// SPDX-License-Identifier: Apache-2.0
#include "wire/jwt.hpp"

#include <gtest/gtest.h>

#include "wire/test_json.hpp"

namespace weft::wire {
namespace {

KeyPair account_pair() { return KeyPair::from_entropy(KeyKind::account, KeyBytes{1, 2, 3}); }

TEST(JwtTest, signs_what_it_verifies) {
  const auto account = account_pair();
  const auto token = sign_token(R"({"iss":"x"})", account);
  ASSERT_TRUE(token);
  EXPECT_TRUE(token->starts_with("eyJ0eXAiOiJqd3QiLCJhbGciOiJFZDI1NTE5In0.eyJpc3MiOiJ4In0."));
  const auto parts = split_token(*token);
  ASSERT_TRUE(parts);
  EXPECT_EQ(parts->header, R"({"typ":"jwt","alg":"Ed25519"})");
  EXPECT_EQ(parts->payload, R"({"iss":"x"})");
  EXPECT_TRUE(verify_token(*parts, account.public_text()));
  const auto other = KeyPair::from_entropy(KeyKind::account, KeyBytes{9});
  EXPECT_EQ(verify_token(*parts, other.public_text()).error().message(), "signature is not valid");
  EXPECT_EQ(verify_token(*parts, "nobody").error().code(), Errc::malformed);
}

TEST(JwtTest, writes_the_token_of_a_host) {
  const auto account = account_pair();
  const auto token = sign_host_token({.token_id = "Zk3vQ0w1m7PqT2rY8sUe5a",
                                      .issued_at = 1770231935,
                                      .host_id = "NCPKIRYRASZ7NB7FMEXEYYAU5FIHB7N3WZSUISJCS7NMWQTYVD6PPK5V",
                                      .friendly_name = "quiet-harbor-0412"},
                                     account);
  ASSERT_TRUE(token);
  const auto parts = split_token(*token);
  ASSERT_TRUE(parts);
  EXPECT_TRUE(verify_token(*parts, account.public_text()));
  EXPECT_TRUE(same_json(parts->payload, R"({"jti":"Zk3vQ0w1m7PqT2rY8sUe5a","iat":1770231935,
      "iss":")" + account.public_text() + R"(",
      "sub":"NCPKIRYRASZ7NB7FMEXEYYAU5FIHB7N3WZSUISJCS7NMWQTYVD6PPK5V",
      "wascap":{"name":"quiet-harbor-0412","labels":{"self_signed":"true"}},"wascap_revision":3})"));
}

TEST(JwtTest, refuses_what_is_no_token) {
  for (const auto* const text : {"", "a", "a.b", "YQ.YQ.YQ.YQ", "YQ==.YQ.YQ", "Y Q.YQ.YQ", "Y+.YQ.YQ"}) {
    const auto parts = split_token(text);
    ASSERT_FALSE(parts) << text;
    EXPECT_EQ(parts.error().code(), Errc::malformed);
  }
  EXPECT_FALSE(split_token(std::string(kMaxTokenBytes + 1, 'a')));
  EXPECT_TRUE(split_token("..")) << "three empty segments are segments";
}

TEST(JwtTest, refuses_another_type_or_algorithm) {
  const auto account = account_pair();
  for (const auto* const header :
       {R"({"typ":"JWT","alg":"Ed25519"})", R"({"typ":"jwt","alg":"none"})", R"({"typ":"jwt"})", "[]", ""}) {
    TokenParts parts;
    parts.header = header;
    parts.signed_text = "a.b";
    const auto signature = *account.sign(parts.signed_text);
    parts.signature.assign(signature.begin(), signature.end());
    const auto verified = verify_token(parts, account.public_text());
    ASSERT_FALSE(verified) << header;
    EXPECT_EQ(verified.error().code(), Errc::malformed);
  }
}

TEST(JwtTest, does_not_sign_with_a_curve_key) {
  EXPECT_EQ(sign_token("{}", KeyPair::from_entropy(KeyKind::curve, KeyBytes{1})).error().code(), Errc::unsupported);
}

}  // namespace
}  // namespace weft::wire
