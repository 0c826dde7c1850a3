// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "wire/claims.hpp"
#include "wire/claims_json.hpp"
#include "wire/control.hpp"
#include "wire/test_json.hpp"

namespace weft::wire {
namespace {

constexpr std::string_view kStoredComponent =
    R"({"call_alias":"","issuer":"ADKM745PT6MFHLCXFG52EDV2BVA4EEOVLFH7PRLHVS5CGCWEPWBS46SJ","name":"cart",
        "revision":"0","subject":"MDX646OUGTPYCAAHVFRUE2CUVGZ2HZVDEZSJT7C76R6QIVUMUX4FIFLW","tags":[],"version":"1.4.0"})";

TEST(ClaimsFormsTest, stores_a_component) {
  const auto claims = decode_stored_claims(kStoredComponent);
  ASSERT_TRUE(claims);
  const auto& cart = std::get<ComponentClaims>(*claims);
  EXPECT_EQ(cart.name, "cart");
  EXPECT_FALSE(cart.call_alias);
  EXPECT_EQ(claims_subject(*claims), "MDX646OUGTPYCAAHVFRUE2CUVGZ2HZVDEZSJT7C76R6QIVUMUX4FIFLW");
  EXPECT_TRUE(same_json(encode_stored_claims(*claims), kStoredComponent));
}

TEST(ClaimsFormsTest, stores_a_provider) {
  constexpr std::string_view text =
      R"({"issuer":"A","name":"http","revision":"-2","subject":"V","version":"0.27.0","config_schema":"{}"})";
  const auto claims = decode_stored_claims(text);
  ASSERT_TRUE(claims);
  EXPECT_EQ(std::get<ProviderClaims>(*claims).revision, -2);
  EXPECT_EQ(std::get<ProviderClaims>(*claims).config_schema, "{}");
  EXPECT_EQ(claims_subject(*claims), "V");
  EXPECT_TRUE(same_json(encode_stored_claims(*claims), text));
}

TEST(ClaimsFormsTest, takes_the_aliases_of_other_hosts) {
  const auto claims = decode_stored_claims(R"({"call_alias":"c","iss":"A","rev":"7","sub":"M","tags":"x,y"})");
  ASSERT_TRUE(claims);
  const auto& component = std::get<ComponentClaims>(*claims);
  EXPECT_EQ(component.issuer, "A");
  EXPECT_EQ(component.revision, 7);
  EXPECT_EQ(component.subject, "M");
  EXPECT_EQ(component.call_alias, "c");
  EXPECT_EQ(component.tags, (std::vector<std::string>{"x", "y"}));
  EXPECT_TRUE(
      std::get<ComponentClaims>(*decode_stored_claims(R"({"call_alias":"","sub":"M","tags":""})")).tags.empty());
}

TEST(ClaimsFormsTest, refuses_claims_without_a_subject_or_with_an_odd_revision) {
  EXPECT_EQ(decode_stored_claims("{}").error().message(), "stored claims: member `subject` is missing");
  EXPECT_EQ(decode_stored_claims(R"({"sub":"V","rev":"1x"})").error().message(),
            "stored claims: member `revision` must be a decimal number");
  EXPECT_FALSE(decode_stored_claims(R"({"sub":"V","rev":1})"));
  EXPECT_FALSE(decode_stored_claims(R"({"sub":"M","call_alias":"","tags":[1]})"));
  EXPECT_FALSE(decode_stored_claims(""));
}

TEST(ClaimsFormsTest, lists_claims_under_both_names) {
  auto claims = *decode_stored_claims(kStoredComponent);
  std::get<ComponentClaims>(claims).tags = {"a", "b"};
  EXPECT_TRUE(same_json(encode(claims_list_entry(claims)),
                        R"({"call_alias":"","iss":"ADKM745PT6MFHLCXFG52EDV2BVA4EEOVLFH7PRLHVS5CGCWEPWBS46SJ",
  "issuer":"ADKM745PT6MFHLCXFG52EDV2BVA4EEOVLFH7PRLHVS5CGCWEPWBS46SJ","name":"cart","rev":"0","revision":"0",
  "sub":"MDX646OUGTPYCAAHVFRUE2CUVGZ2HZVDEZSJT7C76R6QIVUMUX4FIFLW",
  "subject":"MDX646OUGTPYCAAHVFRUE2CUVGZ2HZVDEZSJT7C76R6QIVUMUX4FIFLW","tags":"a,b","version":"1.4.0"})"));
  EXPECT_TRUE(same_json(encode(claims_list_entry(*decode_stored_claims(R"({"sub":"V"})"))),
                        R"({"iss":"","issuer":"","name":"","rev":"0","revision":"0","sub":"V","subject":"V",
                            "version":"","config_schema":""})"));
}

}  // namespace
}  // namespace weft::wire
