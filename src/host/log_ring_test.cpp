// SPDX-License-Identifier: Apache-2.0
#include "host/log_ring.hpp"

#include <gtest/gtest.h>

namespace weft::host {
namespace {

TEST(LogRingTest, gives_the_newest_lines_in_order) {
  LogRing ring;
  for (int index = 1; index <= 5; ++index) {
    ring.add(LogLevel::info, index % 2 == 0 ? "even" : "odd", std::to_string(index));
  }
  const auto last = ring.lines(0, 2, "");
  ASSERT_EQ(last.size(), 2U);
  EXPECT_EQ(last[0].text, "4");
  EXPECT_EQ(last[1].number, 5U);
  EXPECT_EQ(ring.lines(3, 100, "").size(), 2U);
  EXPECT_EQ(ring.lines(0, 100, "even").size(), 2U);
}

TEST(LogRingTest, forgets_the_oldest_lines_at_its_limits) {
  LogRing ring;
  const std::string long_line(LogRing::kMaxLineBytes * 2, 'x');
  for (int index = 0; index < 1'000; ++index) {
    ring.add(LogLevel::info, "", long_line);
  }
  const auto kept = ring.lines(0, 100'000, "");
  EXPECT_LE(kept.size(), LogRing::kMaxBytes / LogRing::kMaxLineBytes);
  EXPECT_EQ(kept.front().text.size(), LogRing::kMaxLineBytes);
  for (std::size_t index = 0; index < LogRing::kMaxLines + 10; ++index) {
    ring.add(LogLevel::info, "", "short");
  }
  EXPECT_EQ(ring.lines(0, 100'000, "").size(), LogRing::kMaxLines);
}

TEST(LogRingTest, writes_what_guests_say_as_json) {
  LogRing ring;
  ring.add(LogLevel::warning, "a\"b", "line\nwith \x01 control");
  const auto json = encode(ring.lines(0, 1, ""));
  EXPECT_NE(json.find(R"("component":"a\"b")"), std::string::npos);
  EXPECT_NE(json.find(R"(\u0001)"), std::string::npos);
  EXPECT_NE(json.find(R"("level":"warning")"), std::string::npos);
}

}  // namespace
}  // namespace weft::host
