// SPDX-License-Identifier: Apache-2.0
#include "registry/oci_auth.hpp"

#include <gtest/gtest.h>

#include "registry/docker_config.hpp"

namespace weft::registry {
namespace {

TEST(OciAuthTest, reads_challenges) {
  const auto bearer = parse_challenges(
      R"(Bearer realm="https://auth.example/token?x=1,2",service="registry",scope="repository:shop/cart:pull,push")");
  ASSERT_EQ(bearer.size(), 1U);
  EXPECT_EQ(bearer[0].scheme, "bearer");
  EXPECT_EQ(bearer[0].parameters.at("realm"), "https://auth.example/token?x=1,2");
  EXPECT_EQ(bearer[0].parameters.at("scope"), "repository:shop/cart:pull,push");

  const auto several = parse_challenges(R"(Negotiate, BASIC Realm=plain, Bearer realm="a\"b" , error="x")");
  ASSERT_EQ(several.size(), 3U);
  EXPECT_EQ(several[1].scheme, "basic");
  EXPECT_EQ(several[1].parameters.at("realm"), "plain");
  EXPECT_EQ(several[2].parameters.at("realm"), "a\"b");
  EXPECT_EQ(several[2].parameters.at("error"), "x");

  EXPECT_TRUE(parse_challenges("").empty());
  EXPECT_TRUE(parse_challenges(R"(Bearer realm="open)").empty());
}

TEST(OciAuthTest, a_password_is_sent_as_its_standard_says) {
  EXPECT_EQ(basic_authorization({"Aladdin", "open sesame"}), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");  // RFC 7617
}

TEST(OciAuthTest, takes_either_name_of_a_token) {
  EXPECT_EQ(decode_token_answer(R"({"token":"t"})").operator*(), "t");
  EXPECT_EQ(decode_token_answer(R"({"access_token":"a","expires_in":300})").operator*(), "a");
  EXPECT_FALSE(decode_token_answer(R"({"token":""})"));
  EXPECT_FALSE(decode_token_answer(R"({"token":"a\r\nX-Evil: 1"})"));
  EXPECT_FALSE(decode_token_answer("no"));
}

TEST(OciAuthTest, takes_credentials_of_registry_put) {
  EXPECT_EQ(credentials_of({"u", "p", {}}), Credentials(BasicCredentials{"u", "p"}));
  EXPECT_EQ(credentials_of({{}, {}, "t"}), Credentials(BearerToken{"t"}));
  EXPECT_EQ(credentials_of({"u", {}, {}}), Credentials(Anonymous{}));
  EXPECT_EQ(credentials_of({"u", {}, "t"}), Credentials(Anonymous{}));
  EXPECT_EQ(credentials_of({}), Credentials(Anonymous{}));
}

TEST(DockerConfigTest, reads_every_form_of_login) {
  const auto logins = decode_docker_config(R"({"auths":{
      "https://index.docker.io/v1/":{"auth":"dXNlcjpwYTpzcw=="},
      "Registry.Example:5000":{"username":"u","password":"p"},
      "ghcr.io":{"identitytoken":"id","auth":"PHRva2VuPjo="},
      "other.example":{"registrytoken":"bearer"},
      "unpadded.example":{"auth":"dXNlcjpwYTpzcw"},
      "helper.example":{}},"credsStore":"desktop"})");
  ASSERT_TRUE(logins) << logins.error().to_string();
  EXPECT_EQ(logins->at("docker.io"), Credentials(BasicCredentials{"user", "pa:ss"}));
  EXPECT_EQ(logins->at("registry.example:5000"), Credentials(BasicCredentials{"u", "p"}));
  EXPECT_EQ(logins->at("ghcr.io"), Credentials(IdentityToken{"id"}));
  EXPECT_EQ(logins->at("other.example"), Credentials(BearerToken{"bearer"}));
  EXPECT_EQ(logins->at("unpadded.example"), Credentials(BasicCredentials{"user", "pa:ss"}));
  EXPECT_FALSE(logins->contains("helper.example"));
}

TEST(DockerConfigTest, does_not_show_what_it_cannot_read) {
  const auto bad = decode_docker_config(R"({"auths":{"a":{"auth":"c2VjcmV0"}}})");
  ASSERT_FALSE(bad);
  EXPECT_FALSE(bad.error().to_string().contains("c2VjcmV0"));
  EXPECT_FALSE(decode_docker_config(R"({"auths":[]})"));
  EXPECT_TRUE(decode_docker_config("{}").operator*().empty());
  EXPECT_TRUE(read_docker_config("/nowhere/config.json").operator*().empty());
}

}  // namespace
}  // namespace weft::registry
