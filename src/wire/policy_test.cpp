// SPDX-License-Identifier: Apache-2.0
#include "wire/policy.hpp"

#include <gtest/gtest.h>

namespace weft::wire {
namespace {

const PolicyHost kHost{.public_key = "NCPK", .lattice = "default", .labels = {{"hostcore.os", "linux"}}};

PolicyQuestion cart() {
  return {.kind = PolicyKind::start_component,
          .id = "shop-cart",
          .image_ref = "registry.example.net/shop/cart:1.4.0",
          .instances = 50,
          .annotations = {{"wasmcloud.dev/appspec", "shop"}},
          .claims = PolicyClaims{.public_key = "MDX6",
                                 .issuer = "ADKM",
                                 .issued_at = 1'770'231'000,
                                 .expires = std::nullopt,
                                 .expired = false}};
}

TEST(PolicyTest, a_start_is_asked_in_1_9s_words) {
  EXPECT_EQ(encode(cart(), "0199c1e0", kHost),
            R"({"requestId":"0199c1e0","kind":"startComponent","version":"v1","request":{"componentId":"shop-cart",)"
            R"("imageRef":"registry.example.net/shop/cart:1.4.0","maxInstances":50,)"
            R"("annotations":{"wasmcloud.dev/appspec":"shop"},"claims":{"publicKey":"MDX6","issuer":"ADKM",)"
            R"("issuedAt":"1770231000","expiresAt":null,"expired":false}},)"
            R"("host":{"publicKey":"NCPK","lattice":"default","labels":{"hostcore.os":"linux"}}})");
}

TEST(PolicyTest, a_provider_has_no_instances_and_absent_claims_are_null) {
  const PolicyQuestion question{
      .kind = PolicyKind::start_provider, .id = "kv", .image_ref = "keyvalue", .annotations = {}, .claims = {}};
  EXPECT_EQ(encode(question, "1", {}),
            R"({"requestId":"1","kind":"startProvider","version":"v1","request":{"providerId":"kv",)"
            R"("imageRef":"keyvalue","annotations":{},"claims":null},)"
            R"("host":{"publicKey":"","lattice":"","labels":{}}})");
}

TEST(PolicyTest, a_call_names_what_is_called_in_its_target) {
  auto question = cart();
  question.kind = PolicyKind::perform_invocation;
  question.instances = 0;
  question.claims->expires = 1'800'000'000;
  question.interface = "shop:cart/api@1.0.0";
  question.function = "add";
  EXPECT_EQ(encode(question, "1", {}),
            R"({"requestId":"1","kind":"performInvocation","version":"v1","request":{)"
            R"("interface":"shop:cart/api@1.0.0","function":"add","target":{"componentId":"shop-cart",)"
            R"("imageRef":"registry.example.net/shop/cart:1.4.0","maxInstances":0,)"
            R"("annotations":{"wasmcloud.dev/appspec":"shop"},"claims":{"publicKey":"MDX6","issuer":"ADKM",)"
            R"("issuedAt":"1770231000","expiresAt":1800000000,"expired":false}}},)"
            R"("host":{"publicKey":"","lattice":"","labels":{}}})");
}

TEST(PolicyTest, a_question_is_the_same_whatever_its_count_and_annotations) {
  auto question = cart();
  const auto key = policy_key(question);
  question.instances = 1;
  question.annotations.clear();
  EXPECT_EQ(policy_key(question), key);
  question.kind = PolicyKind::perform_invocation;
  const auto call = policy_key(question);
  EXPECT_NE(call, key);
  question.function = "add";
  EXPECT_NE(policy_key(question), call);
}

TEST(PolicyTest, claims_say_whether_they_have_expired) {
  using std::chrono::seconds;
  const std::chrono::system_clock::time_point now{seconds(1'000)};
  ComponentClaims claims;
  claims.subject = "M";
  claims.issuer = "A";
  claims.issued_at = 7;
  EXPECT_EQ(policy_claims(claims, now),
            (PolicyClaims{.public_key = "M", .issuer = "A", .issued_at = 7, .expires = {}, .expired = false}));
  claims.expires = 1'000;
  EXPECT_FALSE(policy_claims(claims, now).expired);
  claims.expires = 999;
  EXPECT_TRUE(policy_claims(claims, now).expired);
}

TEST(PolicyTest, decisions_are_read_with_or_without_a_message) {
  EXPECT_EQ(*decode_policy_decision(R"({"requestId":"1","permitted":false,"message":"no","more":1})"),
            (PolicyDecision{.request_id = "1", .permitted = false, .message = "no"}));
  EXPECT_EQ(*decode_policy_decision(R"({"requestId":"1","permitted":true,"message":null})"),
            (PolicyDecision{.request_id = "1", .permitted = true, .message = {}}));
  EXPECT_EQ(decode_policy_decision(R"({"requestId":"1","permitted":true})")->message, std::nullopt);
}

TEST(PolicyTest, what_is_no_decision_is_refused) {
  for (const auto* text :
       {"", "[]", "{}", R"({"permitted":true})", R"({"requestId":"1"})", R"({"requestId":1,"permitted":true})",
        R"({"requestId":"1","permitted":"true"})", R"({"requestId":"1","permitted":true,"message":1})"}) {
    const auto decision = decode_policy_decision(text);
    ASSERT_FALSE(decision) << text;
    EXPECT_EQ(decision.error().code(), Errc::malformed) << text;
  }
}

}  // namespace
}  // namespace weft::wire
