// SPDX-License-Identifier: Apache-2.0
#include "host/fence.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

namespace weft::host {
namespace {

TEST(FenceTest, lets_values_and_errors_through) {
  EXPECT_EQ(*fenced("counting", []() -> Result<int> { return 3; }), 3);
  const auto refused = fenced("counting", []() -> Result<int> { return Error(Errc::not_found, "there is none"); });
  EXPECT_EQ(refused.error().code(), Errc::not_found);
}

TEST(FenceTest, turns_exceptions_into_errors_that_say_what_was_done) {
  const auto before = async::exceptions_at_fences();
  const auto failed = fenced("counting", []() -> Result<int> { throw std::runtime_error("no fingers"); });
  EXPECT_EQ(failed.error().code(), Errc::internal);
  EXPECT_EQ(failed.error().message(), "an exception while counting: no fingers");
  const auto exhausted = fenced("counting", []() -> Result<int> { throw std::bad_alloc(); });
  EXPECT_EQ(exhausted.error().code(), Errc::resource_exhausted);
  const auto unknown = fenced("counting", []() -> Result<void> { throw 7; });
  EXPECT_EQ(unknown.error().message(), "an unknown exception while counting");
  EXPECT_EQ(async::exceptions_at_fences() - before, 3U);
}

}  // namespace
}  // namespace weft::host
