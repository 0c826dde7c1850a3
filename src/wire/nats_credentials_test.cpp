// SPDX-License-Identifier: Apache-2.0
#include "wire/nats_credentials.hpp"

#include <gtest/gtest.h>

namespace weft::wire {
namespace {

constexpr std::string_view kFile =
    "-----BEGIN NATS USER JWT-----\neyJ0.eyJq.c2ln\n------END NATS USER JWT------\n\n"
    "************************* IMPORTANT *************************\nNKEY Seed printed below can be used.\n\n"
    "-----BEGIN USER NKEY SEED-----\nSUAO2CX\n------END USER NKEY SEED------\n";

TEST(NatsCredentialsTest, reads_token_and_seed) {
  const auto credentials = read_nats_credentials(kFile);
  ASSERT_TRUE(credentials);
  EXPECT_EQ(credentials->jwt, "eyJ0.eyJq.c2ln");
  EXPECT_EQ(credentials->seed, "SUAO2CX");
}

TEST(NatsCredentialsTest, reads_the_line_ends_of_other_systems) {
  std::string text(kFile);
  for (std::size_t at = 0; (at = text.find('\n', at)) != std::string::npos; at += 2) text.replace(at, 1, "\r\n");
  EXPECT_EQ(read_nats_credentials(text)->seed, "SUAO2CX");
}

// Whatever is cut off: a clear answer, never a part of something else.
TEST(NatsCredentialsTest, refuses_what_lacks_one) {
  for (std::size_t size = 0; size < kFile.find("SUAO"); ++size) {
    const auto credentials = read_nats_credentials(kFile.substr(0, size));
    ASSERT_FALSE(credentials) << size;
    EXPECT_EQ(credentials.error().code(), Errc::malformed);
  }
  EXPECT_FALSE(read_nats_credentials("-----BEGIN NATS USER JWT-----\n------END NATS USER JWT------\n"));
}

}  // namespace
}  // namespace weft::wire
