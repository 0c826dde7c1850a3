// SPDX-License-Identifier: Apache-2.0
#include "cli/json_text.hpp"

#include <gtest/gtest.h>

#include <array>

namespace weft::cli {
namespace {

TEST(JsonQuoteTest, escapes_and_replaces) {
  EXPECT_EQ(json_quote("a\"b\\c\nd\x01\x7F"), R"("a\"b\\c\nd\u0001\u007f")");
  EXPECT_EQ(json_quote("\u00e4"), "\"\u00e4\"");
  EXPECT_EQ(json_quote("x\xFFy\xE2\x82"), "\"x\uFFFDy\uFFFD\uFFFD\"");
}

TEST(JsonObjectTest, writes_every_kind_of_member) {
  const std::array<std::string, 2> list{"a", "b"};
  JsonObject object;
  object.text("t", "x").number("n", 7).boolean("b", true).texts("l", list).milliseconds("ms", 1.5).raw(
      "o", JsonObject().str());
  EXPECT_EQ(object.str(), R"({"t":"x","n":7,"b":true,"l":["a","b"],"ms":1.500,"o":{}})");
}

}  // namespace
}  // namespace weft::cli
