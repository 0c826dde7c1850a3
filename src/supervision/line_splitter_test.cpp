// SPDX-License-Identifier: Apache-2.0
#include "supervision/line_splitter.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace weft::supervision {
namespace {

std::vector<std::string> split(const std::vector<std::string>& pieces, std::size_t limit = 100) {
  std::vector<std::string> lines;
  const auto note = [&](std::string_view line) { lines.emplace_back(line); };
  LineSplitter splitter(limit);
  for (const auto& piece : pieces) splitter.feed(piece, note);
  splitter.flush(note);
  return lines;
}

TEST(LineSplitterTest, joins_what_comes_in_pieces) {
  EXPECT_THAT(split({"on", "e\ntw", "o\r", "\n\nthree"}), testing::ElementsAre("one", "two", "", "three"));
}

TEST(LineSplitterTest, cuts_lines_at_the_limit) {
  EXPECT_THAT(split({"abcdefgh\nij"}, 3), testing::ElementsAre("abc", "def", "gh", "ij"));
  EXPECT_THAT(split({"abcd"}, 3), testing::ElementsAre("abc", "d"));
  EXPECT_THAT(split({"abc", "\n", "de\r", "\nf"}, 3), testing::ElementsAre("abc", "de", "f"))
      << "a line end that comes by itself makes no empty line";
}

TEST(LineSplitterTest, has_nothing_to_flush_after_a_line_end) {
  EXPECT_THAT(split({"a\n"}), testing::ElementsAre("a"));
  EXPECT_THAT(split({}), testing::ElementsAre());
}

}  // namespace
}  // namespace weft::supervision
