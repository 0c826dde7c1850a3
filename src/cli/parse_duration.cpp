// SPDX-License-Identifier: Apache-2.0
#include "cli/parse_duration.hpp"

#include "cli/parse_number.hpp"

#include <fmt/format.h>

namespace weft::cli {
namespace {

/// Milliseconds in one unit; 0 for an unknown one.
std::uint64_t factor_of(std::string_view unit) {
  if (unit == "ms") return 1;
  if (unit == "s") return 1'000;
  if (unit == "m" || unit == "min") return 60'000;
  if (unit == "h") return 3'600'000;
  return 0;
}

}  // namespace

Result<std::chrono::milliseconds> parse_duration(std::string_view text) {
  if (text == "0") return std::chrono::milliseconds{0};
  const auto number = parse_number_with_unit(text);
  const std::uint64_t factor = number ? factor_of(number->unit) : 0;
  if (factor != 0) {
    const auto count = scaled(*number, factor);
    const bool lost = count && *count == 0 && (number->whole != 0 || number->fraction != 0);
    if (count && !lost && *count <= static_cast<std::uint64_t>(kLongestDuration.count())) {
      return std::chrono::milliseconds(static_cast<std::int64_t>(*count));
    }
  }
  return Error(Errc::invalid_argument, fmt::format("'{}' is not a duration.", text),
               "Write a number with a unit, such as 500ms, 30s, 2m or 1h.", Blame::operator_);
}

std::string format_duration(std::chrono::nanoseconds duration) {
  const double ns = static_cast<double>(duration.count());
  if (ns < 1e3) return fmt::format("{:.0f} ns", ns);
  if (ns < 1e6) return fmt::format("{:.3g} us", ns / 1e3);
  if (ns < 1e9) return fmt::format("{:.3g} ms", ns / 1e6);
  return fmt::format("{:.4g} s", ns / 1e9);
}

}  // namespace weft::cli
