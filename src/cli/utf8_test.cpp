// SPDX-License-Identifier: Apache-2.0
#include "cli/utf8.hpp"

#include <gtest/gtest.h>

namespace weft::cli {
namespace {

TEST(Utf8LengthTest, accepts_well_formed_sequences_only) {
  EXPECT_EQ(utf8_length("a"), 1U);
  EXPECT_EQ(utf8_length("\u00e4"), 2U);
  EXPECT_EQ(utf8_length("\u20ac"), 3U);
  EXPECT_EQ(utf8_length("\U0001F600"), 4U);
  for (const std::string_view text :
       {"", "\x80", "\xC0\x80", "\xE0\x80\x80", "\xED\xA0\x80", "\xF0\x80\x80\x80", "\xF4\x90\x80\x80",
        "\xF5\x80\x80\x80", "\xE2\x82", "\xC3", "\xE2\x28\xA1", "\xF0\x9F\x98"}) {
    EXPECT_EQ(utf8_length(text), 0U);
  }
}

TEST(PrintableTest, keeps_text_and_names_what_could_control_a_terminal) {
  EXPECT_EQ(printable("caf\u00e9\tok"), "caf\u00e9\tok");
  EXPECT_EQ(printable("\x1b[31mred\r\n"), "\\x1b[31mred\\x0d\\x0a");
  EXPECT_EQ(printable("\xC2\x9B"
                      "31m"),
            "\\xc2\\x9b31m");
  EXPECT_EQ(printable("a\xFFz\x7F"), "a\\xffz\\x7f");
}

}  // namespace
}  // namespace weft::cli
