// SPDX-License-Identifier: Apache-2.0
#include "wire/uptime.hpp"

#include <fmt/format.h>

#include <array>
#include <iterator>
#include <string_view>

namespace weft::wire {
namespace {

struct Unit {
  std::uint64_t seconds;
  std::string_view name;
  bool is_word;  ///< takes an s when there are several
};

constexpr std::array kUnits = {Unit{31'557'600, "year", true}, Unit{2'630'016, "month", true},
                               Unit{86'400, "day", true},      Unit{3'600, "h", false},
                               Unit{60, "m", false},           Unit{1, "s", false}};

}  // namespace

std::string uptime_text(std::uint64_t seconds) {
  std::string text;
  for (const auto& unit : kUnits) {
    const auto count = seconds / unit.seconds;
    if (count == 0) continue;
    seconds %= unit.seconds;
    fmt::format_to(std::back_inserter(text), "{}{}{}{}", text.empty() ? "" : " ", count, unit.name,
                   unit.is_word && count > 1 ? "s" : "");
  }
  return text.empty() ? "0s" : text;
}

}  // namespace weft::wire
