// SPDX-License-Identifier: Apache-2.0
#include "cli/parse_size.hpp"

#include "cli/parse_number.hpp"

#include <fmt/format.h>

namespace weft::cli {
namespace {

/// 0 for an unknown unit.
std::uint64_t factor_of(std::string_view unit) {
  if (unit.empty()) return 1;
  auto is = [](char c, char lower) { return c == lower || c == static_cast<char>(lower - 'a' + 'A'); };
  if (unit.size() == 1 && is(unit[0], 'b')) return 1;
  const std::string_view tail = unit.substr(1);
  const bool good_tail = tail.empty() || (tail.size() == 1 && is(tail[0], 'b')) ||
                         (tail.size() == 2 && is(tail[0], 'i') && is(tail[1], 'b'));
  if (!good_tail) return 0;
  if (is(unit[0], 'k')) return 1ULL << 10;
  if (is(unit[0], 'm')) return 1ULL << 20;
  if (is(unit[0], 'g')) return 1ULL << 30;
  if (is(unit[0], 't')) return 1ULL << 40;
  return 0;
}

}  // namespace

Result<std::uint64_t> parse_size(std::string_view text) {
  const auto number = parse_number_with_unit(text);
  const std::uint64_t factor = number ? factor_of(number->unit) : 0;
  if (factor != 0) {
    if (const auto bytes = scaled(*number, factor)) return *bytes;
  }
  return Error(Errc::invalid_argument, fmt::format("'{}' is not a size.", text),
               "Write a number of bytes, or one with a unit, such as 64MiB or 1g.", Blame::operator_);
}

}  // namespace weft::cli
