// SPDX-License-Identifier: Apache-2.0
#include "cli/lattice/table.hpp"

#include "cli/lattice/json_value.hpp"

#include <gtest/gtest.h>

#include <functional>

namespace weft::cli {
namespace {

TEST(TableTest, columns_are_as_wide_as_their_widest_cell) {
  Table table{"ID", "NAME"};
  table.add({"shop-cart", "x"});
  table.add({"é", ""});
  EXPECT_EQ(table.text("nothing"), "ID         NAME\nshop-cart  x\né          -\n");
}

TEST(TableTest, says_so_when_it_is_empty) { EXPECT_EQ(Table({"ID"}).text("no hosts"), "no hosts\n"); }

TEST(TableTest, what_peers_say_cannot_control_the_terminal) {
  Table table{"ID"};
  table.add({"a\x1b[31m\nb"});
  EXPECT_EQ(table.text(""), "ID\na\\x1b[31m\\x0ab\n");
}

TEST(TableTest, maps_and_lists_are_one_cell) {
  EXPECT_EQ(pairs_text({{"a", "1"}, {"b", "2"}}), "a=1,b=2");
  EXPECT_EQ(list_text(std::vector<std::string>{"a", "b"}), "a,b");
  EXPECT_EQ(json_array(std::vector<std::string>{"1", "2"}, std::identity()), "[1,2]");
}

TEST(JsonValueTest, what_is_missing_or_of_another_kind_is_empty) {
  const auto value = parse_json(R"({"a":"x","n":3,"l":["p",4,"q"],"one":"r"})", "the test");
  ASSERT_TRUE(value);
  EXPECT_EQ(text_at(*value, "a"), "x");
  EXPECT_EQ(text_at(*value, "n"), "");
  EXPECT_EQ(text_at(*value, "none"), "");
  EXPECT_EQ(number_at(*value, "n"), 3);
  EXPECT_EQ(number_at(*value, "a"), 0);
  EXPECT_EQ(texts_at(*value, "l"), (std::vector<std::string>{"p", "q"}));
  EXPECT_EQ(texts_at(*value, "one"), std::vector<std::string>{"r"});
  EXPECT_TRUE(elements(*value).empty());
  EXPECT_EQ(parse_json("{", "the test").error().code(), Errc::malformed);
}

}  // namespace
}  // namespace weft::cli
