// SPDX-License-Identifier: Apache-2.0
#include "host/line_throttle.hpp"

#include <gtest/gtest.h>

namespace weft::host {
namespace {

using namespace std::chrono_literals;

class LineThrottleTest : public testing::Test {
 protected:
  std::int64_t admitted(std::int64_t lines) {
    std::int64_t count = 0;
    for (std::int64_t line = 0; line < lines; ++line) {
      count += throttle.admit(now) ? 1 : 0;
    }
    return count;
  }
  LineThrottle::Instant now{1h};
  LineThrottle throttle{now};
};

TEST_F(LineThrottleTest, lets_a_burst_through_and_no_more) {
  EXPECT_EQ(admitted(LineThrottle::kBurst), LineThrottle::kBurst);
  EXPECT_FALSE(throttle.last_report());
  EXPECT_EQ(admitted(7), 0);
  EXPECT_EQ(throttle.last_report(), 7U);
  EXPECT_FALSE(throttle.last_report());
}

TEST_F(LineThrottleTest, fills_again_with_time) {
  admitted(LineThrottle::kBurst);
  for (int tick = 0; tick < 100; ++tick) {
    now += 10ms;
    EXPECT_EQ(admitted(10), LineThrottle::kPerSecond / 100);
  }
  now += 1h;
  EXPECT_EQ(admitted(10 * LineThrottle::kBurst), LineThrottle::kBurst);
}

TEST_F(LineThrottleTest, tells_what_was_dropped_once_in_a_while) {
  admitted(LineThrottle::kBurst + 5);
  EXPECT_FALSE(throttle.report(now + 999ms));
  EXPECT_EQ(throttle.report(now + 1s), 5U);
  EXPECT_FALSE(throttle.report(now + 10s)) << "nothing was dropped since";
}

}  // namespace
}  // namespace weft::host
