// SPDX-License-Identifier: Apache-2.0
#include "supervision/restart_policy.hpp"

#include <gtest/gtest.h>

namespace weft::supervision {
namespace {

TEST(RestartPolicyTest, allows_as_many_restarts_as_said_within_the_window) {
  const Intensity intensity{.restarts = 2, .within = Duration(100)};
  std::vector<Instant> restarts;
  const Instant begin{std::chrono::hours(1)};
  EXPECT_TRUE(count_restart(restarts, intensity, begin));
  EXPECT_TRUE(count_restart(restarts, intensity, begin + Duration(100)));
  EXPECT_FALSE(count_restart(restarts, intensity, begin + Duration(100)));
  EXPECT_TRUE(count_restart(restarts, intensity, begin + Duration(201)));
}

TEST(RestartPolicyTest, pauses_grow_to_the_maximum_and_stay_there) {
  const Backoff backoff{.initial = Duration(1'000), .factor = 2, .maximum = Duration(60'000), .jitter = 0};
  EXPECT_EQ(restart_pause(backoff, 1, 0.5), Duration(0));
  EXPECT_EQ(restart_pause(backoff, 2, 0.5), Duration(1'000));
  EXPECT_EQ(restart_pause(backoff, 3, 0.5), Duration(2'000));
  EXPECT_EQ(restart_pause(backoff, 8, 0.5), Duration(60'000));
  EXPECT_EQ(restart_pause(backoff, 4'000'000'000U, 0.5), Duration(60'000));
}

TEST(RestartPolicyTest, spreads_pauses_by_the_jitter) {
  const Backoff backoff{.initial = Duration(1'000), .jitter = 0.1};
  EXPECT_EQ(restart_pause(backoff, 2, 0), Duration(900));
  EXPECT_EQ(restart_pause(backoff, 2, 1), Duration(1'100));
}

}  // namespace
}  // namespace weft::supervision
