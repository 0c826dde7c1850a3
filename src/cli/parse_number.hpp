// SPDX-License-Identifier: Apache-2.0
/// A number with an optional fraction and a unit behind it, the shape that sizes and durations share. Exact: no
/// floating point. Errors: invalid_argument never; an absent value says that the text is not of this shape.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace weft::cli {

struct NumberWithUnit {
  std::uint64_t whole = 0;
  std::uint64_t fraction = 0;        ///< digits behind the point, at most 9 of them
  std::uint64_t fraction_scale = 1;  ///< the power of ten below them
  std::string_view unit;             ///< a view into the text
};

std::optional<NumberWithUnit> parse_number_with_unit(std::string_view text) noexcept;

/// number times `factor`, rounded down; absent if it does not fit.
std::optional<std::uint64_t> scaled(const NumberWithUnit& number, std::uint64_t factor) noexcept;

/// A plain whole number that is at most `highest`.
std::optional<std::uint64_t> parse_whole(std::string_view text, std::uint64_t highest) noexcept;

}  // namespace weft::cli
