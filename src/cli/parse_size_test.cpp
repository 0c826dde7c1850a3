// SPDX-License-Identifier: Apache-2.0
#include "cli/parse_size.hpp"

#include <gtest/gtest.h>

namespace weft::cli {
namespace {

std::uint64_t size_of(std::string_view text) { return *parse_size(text); }

TEST(ParseSizeTest, reads_bytes_and_units_in_any_case) {
  EXPECT_EQ(size_of("0"), 0U);
  EXPECT_EQ(size_of("4096"), 4096U);
  EXPECT_EQ(size_of("7B"), 7U);
  EXPECT_EQ(size_of("64MiB"), 64ULL << 20);
  EXPECT_EQ(size_of("64mib"), 64ULL << 20);
  EXPECT_EQ(size_of("64mb"), 64ULL << 20);
  EXPECT_EQ(size_of("1g"), 1ULL << 30);
  EXPECT_EQ(size_of("2K"), 2048U);
  EXPECT_EQ(size_of("3TiB"), 3ULL << 40);
}

TEST(ParseSizeTest, reads_fractions_exactly) {
  EXPECT_EQ(size_of("1.5GiB"), 3ULL << 29);
  EXPECT_EQ(size_of("0.1k"), 102U);
}

TEST(ParseSizeTest, holds_the_largest_size_and_refuses_one_more) {
  EXPECT_EQ(size_of("18446744073709551615"), UINT64_MAX);
  EXPECT_FALSE(parse_size("18446744073709551616"));
  EXPECT_FALSE(parse_size("16777216T"));
  EXPECT_TRUE(parse_size("16777215T"));
}

TEST(ParseSizeTest, refuses_what_is_not_a_size) {
  for (const std::string_view text : {"", "x", "-1", "1x", "1 MiB", "1.", ".5k", "1.2.3k", "MiB", "1iB", "1mm", "+1",
                                      "0x10", "1e3", "1.0000000000k"}) {
    const auto size = parse_size(text);
    ASSERT_FALSE(size) << text;
    EXPECT_EQ(size.error().code(), Errc::invalid_argument);
    EXPECT_FALSE(size.error().hint().empty());
  }
}

}  // namespace
}  // namespace weft::cli
