// SPDX-License-Identifier: Apache-2.0
#include "bus/nats_bin.hpp"

#include <gtest/gtest.h>

#include <string>

namespace weft::bus {
namespace {

// nats.c frees on a thread of its own, which a connection would start.
class NatsBinTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { ASSERT_EQ(nats_Open(-1), NATS_OK); }
};

void put(NatsBin& bin, std::size_t bytes) {
  auto message = to_nats({.subject = "a", .reply = {}, .headers = {}, .payload = std::string(bytes, 'x')});
  ASSERT_TRUE(message);
  EXPECT_EQ(size_of((*message).get()), bytes + 2);  // its subject and the zero behind it
  bin.put(*std::move(message), bytes);
}

TEST_F(NatsBinTest, gives_all_back_when_it_holds_enough) {
  NatsBin bin;
  for (std::size_t count = 1; count < NatsBin::kMost; ++count) {
    put(bin, 1);
    ASSERT_EQ(bin.size(), count);
  }
  put(bin, 1);
  EXPECT_EQ(bin.size(), 0U);
}

TEST_F(NatsBinTest, keeps_no_large_messages) {
  NatsBin bin;
  put(bin, 1);
  put(bin, NatsBin::kMostBytes - 2);
  EXPECT_EQ(bin.size(), 2U);
  put(bin, 1);
  EXPECT_EQ(bin.size(), 0U);
}

}  // namespace
}  // namespace weft::bus
