// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <type_traits>
#include <weft/result.hpp>

namespace weft {
namespace {

Result<int> parse_digit(char digit) {
  if (digit < '0' || digit > '9') {
    return Error(Errc::malformed, "not a digit");
  }
  return digit - '0';
}

Result<int> add_digits(char left, char right) {
  WEFT_TRY(const int first, parse_digit(left));
  WEFT_TRY(const int second, parse_digit(right));
  return first + second;
}

Result<void> check_digit(char digit) {
  WEFT_TRY([[maybe_unused]] const int value, parse_digit(digit));
  return {};
}

Result<std::string> check_both(char left, char right) {
  WEFT_CHECK(check_digit(left));
  WEFT_CHECK(check_digit(right));
  return "fine";
}

TEST(ResultTest, carries_a_value) {
  const auto sum = add_digits('2', '3');
  ASSERT_TRUE(sum);
  EXPECT_EQ(*sum, 5);
}

TEST(ResultTest, try_returns_the_first_error) {
  const auto sum = add_digits('2', 'x');
  ASSERT_FALSE(sum);
  EXPECT_EQ(sum.error().code(), Errc::malformed);
}

TEST(ResultTest, check_passes_an_error_up_through_another_type) {
  EXPECT_EQ(*check_both('1', '2'), "fine");
  EXPECT_EQ(check_both('1', '?').error().code(), Errc::malformed);
}

TEST(ResultTest, void_is_a_success_by_default) {
  EXPECT_TRUE(Result<void>());
  EXPECT_FALSE(Result<void>(Error(Errc::io, "no")));
}

TEST(ResultTest, holds_what_only_moves) {
  Result<std::unique_ptr<int>> result = std::make_unique<int>(7);
  ASSERT_TRUE(result);
  const std::unique_ptr<int> taken = *std::move(result);
  EXPECT_EQ(*taken, 7);
}

TEST(ResultTest, reaches_members_with_an_arrow) {
  Result<std::string> result("weft");
  EXPECT_EQ(result->size(), 4U);
  const auto& constant = result;
  EXPECT_EQ(constant->size(), 4U);
}

TEST(ResultTest, an_error_is_never_taken_for_a_value) {
  static_assert(!std::is_constructible_v<Result<int>, std::string>);
  static_assert(std::is_convertible_v<Error, Result<std::string>>);
  const Result<bool> wrong = Error(Errc::internal, "no");
  EXPECT_FALSE(wrong.has_value());
}

}  // namespace
}  // namespace weft
