// SPDX-License-Identifier: Apache-2.0
#include "wrpc/backlog.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

namespace weft::wrpc {
namespace {

std::shared_ptr<BacklogRoom> room(BacklogLimits limits) { return std::make_shared<BacklogRoom>(limits); }

TEST(BacklogTest, each_has_its_own_room_and_a_part_of_what_is_shared) {
  const auto shared = room({.each = 4, .shared = 3});
  Backlog a(shared), b(shared);
  EXPECT_TRUE(a.add("1234"));
  EXPECT_TRUE(a.add("56"));
  EXPECT_TRUE(b.add("1234"));
  EXPECT_FALSE(b.add("56")) << "one byte is left";
  EXPECT_EQ(b.size(), 4U) << "nothing of it was added";
  EXPECT_TRUE(b.add("5"));
  EXPECT_FALSE(a.add("7"));
  EXPECT_EQ(a.take(), "123456");
  EXPECT_TRUE(a.empty());
  EXPECT_TRUE(b.add("67"));
  EXPECT_EQ(b.take(), "1234567");
}

TEST(BacklogTest, what_is_dropped_is_given_back) {
  const auto shared = room({.each = 1, .shared = 2});
  std::optional<Backlog> a(shared);
  EXPECT_TRUE(a->add("123"));
  Backlog b(shared);
  EXPECT_FALSE(b.add("12"));
  a.reset();
  EXPECT_TRUE(b.add("123"));
  b.clear();
  EXPECT_TRUE(b.add("123"));
}

TEST(BacklogTest, a_stream_that_breaks_off_is_logged) {
  std::vector<std::string> lines;
  const auto shared = std::make_shared<BacklogRoom>(
      BacklogLimits{.each = 1, .shared = 2},
      [&lines](LogLevel, std::string_view, std::string_view line) { lines.emplace_back(line); });
  for (int times = 0; times < 3; ++times) {
    EXPECT_EQ(shared->refusal("a stream").code(), Errc::resource_exhausted);
  }
  EXPECT_EQ(lines,
            std::vector<std::string>{"more of a stream waits for whoever reads it than is kept: 1 bytes, and 2 that "
                                     "streams share; it breaks off"});
}

TEST(BacklogTest, what_came_in_one_piece_is_not_counted) {
  const auto shared = room({.each = 1, .shared = 2});
  Backlog a(shared), b(shared);
  a.set("123456");
  EXPECT_TRUE(b.add("123"));
  EXPECT_EQ(a.take(), "123456");
  EXPECT_FALSE(b.add("4")) << "nor given back";
}

}  // namespace
}  // namespace weft::wrpc
