// SPDX-License-Identifier: Apache-2.0
#include "cli/parse_duration.hpp"

#include <gtest/gtest.h>

namespace weft::cli {
namespace {

using std::chrono::milliseconds;

TEST(ParseDurationTest, reads_every_unit) {
  EXPECT_EQ(*parse_duration("500ms"), milliseconds(500));
  EXPECT_EQ(*parse_duration("30s"), milliseconds(30'000));
  EXPECT_EQ(*parse_duration("2m"), milliseconds(120'000));
  EXPECT_EQ(*parse_duration("2min"), milliseconds(120'000));
  EXPECT_EQ(*parse_duration("1h"), milliseconds(3'600'000));
  EXPECT_EQ(*parse_duration("1.5s"), milliseconds(1'500));
  EXPECT_EQ(*parse_duration("0"), milliseconds(0));
  EXPECT_EQ(*parse_duration("0s"), milliseconds(0));
}

TEST(ParseDurationTest, refuses_what_is_not_a_duration_or_out_of_range) {
  for (const std::string_view text :
       {"", "30", "s", "-1s", "1 s", "1d", "1S", "0.5ms", "0.0001s", "8761h", "99999999999999999999s", "1s2"}) {
    EXPECT_FALSE(parse_duration(text)) << text;
  }
  EXPECT_TRUE(parse_duration("8760h"));
}

TEST(FormatDurationTest, picks_a_readable_unit) {
  EXPECT_EQ(format_duration(std::chrono::nanoseconds(12)), "12 ns");
  EXPECT_EQ(format_duration(std::chrono::microseconds(250)), "250 us");
  EXPECT_EQ(format_duration(std::chrono::microseconds(12'340)), "12.3 ms");
  EXPECT_EQ(format_duration(std::chrono::seconds(30)), "30 s");
}

}  // namespace
}  // namespace weft::cli
