// SPDX-License-Identifier: Apache-2.0
#include "cli/parse_number.hpp"

#include <charconv>
#include <system_error>

namespace weft::cli {
namespace {

constexpr std::string_view kDigits = "0123456789";
constexpr std::size_t kMaxFractionDigits = 9;

std::string_view take_digits(std::string_view& text) {
  const std::size_t end = text.find_first_not_of(kDigits);
  const std::string_view digits = text.substr(0, end);
  text.remove_prefix(digits.size());
  return digits;
}

}  // namespace

std::optional<std::uint64_t> parse_whole(std::string_view text, std::uint64_t highest) noexcept {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value > highest) return std::nullopt;
  return value;
}

std::optional<NumberWithUnit> parse_number_with_unit(std::string_view text) noexcept {
  NumberWithUnit number;
  const auto whole = parse_whole(take_digits(text), UINT64_MAX);
  if (!whole) return std::nullopt;
  number.whole = *whole;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    const std::string_view digits = take_digits(text);
    if (digits.empty() || digits.size() > kMaxFractionDigits) return std::nullopt;
    number.fraction = parse_whole(digits, UINT64_MAX).value_or(0);
    for (std::size_t i = 0; i < digits.size(); ++i) number.fraction_scale *= 10;
  }
  number.unit = text;
  return number;
}

std::optional<std::uint64_t> scaled(const NumberWithUnit& number, std::uint64_t factor) noexcept {
  // 128 bits hold a fraction below 10^9 times any factor.
  __extension__ using Wide = unsigned __int128;
  const Wide whole = static_cast<Wide>(number.whole) * factor;
  const Wide part = static_cast<Wide>(number.fraction) * factor / number.fraction_scale;
  if (whole + part > UINT64_MAX) return std::nullopt;
  return static_cast<std::uint64_t>(whole + part);
}

}  // namespace weft::cli
