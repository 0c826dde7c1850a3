// SPDX-License-Identifier: Apache-2.0
/// For tests: two JSON texts are equal when their values are, whatever the order of members.
#pragma once

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <string>
#include <string_view>

namespace weft::wire {

inline ::testing::AssertionResult same_json(std::string_view actual, std::string_view expected) {
  boost::json::error_code error;
  const auto left = boost::json::parse({actual.data(), actual.size()}, error);
  if (error) return ::testing::AssertionFailure() << "not JSON: " << actual;
  const auto right = boost::json::parse({expected.data(), expected.size()}, error);
  if (error) return ::testing::AssertionFailure() << "not JSON: " << expected;
  if (left == right) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << "\n  is     " << actual << "\n  not    " << expected;
}

}  // namespace weft::wire
