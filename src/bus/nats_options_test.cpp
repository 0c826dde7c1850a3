// SPDX-License-Identifier: Apache-2.0
#include "bus/nats_options.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weft::bus {
namespace {

constexpr std::string_view kFile =
    "-----BEGIN NATS USER JWT-----\r\neyJ0.x.y\r\n------END NATS USER JWT------\r\n\r\n"
    "************************* IMPORTANT *************************\n\n"
    "-----BEGIN USER NKEY SEED-----\n  SUAB  \n------END USER NKEY SEED------\n";

TEST(NatsOptionsTest, reads_jwt_and_seed_from_a_credentials_file) {
  const auto user = parse_credentials(kFile);
  ASSERT_TRUE(user);
  EXPECT_EQ((*user).jwt, "eyJ0.x.y");
  EXPECT_EQ((*user).seed, "SUAB");
}

TEST(NatsOptionsTest, refuses_credentials_that_lack_a_part) {
  for (const auto cut : {kFile.find("BEGIN USER"), kFile.find("END USER"), kFile.find("eyJ0"), std::size_t{0}}) {
    const auto user = parse_credentials(kFile.substr(0, cut));
    ASSERT_FALSE(user) << cut;
    EXPECT_EQ(user.error().code(), Errc::invalid_argument);
    EXPECT_THAT(user.error().to_string(), testing::Not(testing::HasSubstr("SUAB")));
  }
  // Only the seed.
  EXPECT_FALSE(parse_credentials(kFile.substr(kFile.find("***"))));
  // Two lines where one belongs.
  EXPECT_FALSE(parse_credentials("---BEGIN NATS USER JWT---\na\nb\n---END NATS USER JWT---\n"));
}

TEST(NatsOptionsTest, cuts_credentials_out_of_a_url) {
  EXPECT_EQ(without_credentials("nats://127.0.0.1:4222"), "nats://127.0.0.1:4222");
  EXPECT_EQ(without_credentials("nats://user:pass@host:4222"), "nats://host:4222");
  EXPECT_EQ(without_credentials("nats://token@host"), "nats://host");
  EXPECT_EQ(without_credentials("tls://u:p@ss/w:rd@host:1"), "tls://host:1");
  EXPECT_EQ(without_credentials("user:pass@host:4222"), "host:4222");
  EXPECT_EQ(without_credentials("host"), "host");
  EXPECT_EQ(without_credentials(""), "");
}

}  // namespace
}  // namespace weft::bus
