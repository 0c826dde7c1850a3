// SPDX-License-Identifier: Apache-2.0
#include "wire/uptime.hpp"

#include <gtest/gtest.h>

namespace weft::wire {
namespace {

TEST(UptimeTest, leaves_out_what_is_zero) {
  EXPECT_EQ(uptime_text(0), "0s");
  EXPECT_EQ(uptime_text(45), "45s");
  EXPECT_EQ(uptime_text(60), "1m");
  EXPECT_EQ(uptime_text(141), "2m 21s");
  EXPECT_EQ(uptime_text(3605), "1h 5s");
  EXPECT_EQ(uptime_text(86'400 + (3 * 3600)), "1day 3h");
  EXPECT_EQ(uptime_text((3 * 86'400) + (4 * 3600) + (5 * 60) + 6), "3days 4h 5m 6s");
}

TEST(UptimeTest, knows_long_units) {
  EXPECT_EQ(uptime_text(2'630'016), "1month");
  EXPECT_EQ(uptime_text(31'557'600), "1year");
  EXPECT_EQ(uptime_text(2 * (31'557'600 + 2'630'016)), "2years 2months");
}

}  // namespace
}  // namespace weft::wire
