// SPDX-License-Identifier: Apache-2.0
#include "base/assert.hpp"

#include <gtest/gtest.h>

namespace weft::base {
namespace {

TEST(AssertTest, passes_what_holds) { WEFT_ASSERT(1 + 1 == 2); }

TEST(AssertDeathTest, names_the_condition_and_the_place) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(WEFT_ASSERT(1 + 1 == 3), "assertion failed: 1 \\+ 1 == 3 .*assert_test.cpp");
}

}  // namespace
}  // namespace weft::base
