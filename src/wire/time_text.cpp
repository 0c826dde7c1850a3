// SPDX-License-Identifier: Apache-2.0
#include "wire/time_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace weft::wire {
namespace {

constexpr std::string_view kForm = "dddd-dd-ddTdd:dd:dd";

}  // namespace

std::string time_text(std::chrono::system_clock::time_point moment) {
  using std::chrono::floor;
  const auto day = floor<std::chrono::days>(moment);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(std::chrono::duration_cast<std::chrono::nanoseconds>(moment - day));
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:09}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), clock.hours().count(),
                     clock.minutes().count(), clock.seconds().count(), clock.subseconds().count());
}

std::optional<std::chrono::sys_seconds> parse_time(std::string_view text) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (text.size() <= kForm.size() || !text.ends_with('Z') ||
      !std::ranges::equal(text.substr(0, kForm.size()), kForm,
                          [&](char c, char form) { return form == 'd' ? is_digit(c) : c == form; })) {
    return std::nullopt;
  }
  const auto rest = text.substr(kForm.size(), text.size() - kForm.size() - 1);
  if (!rest.empty() && (rest.size() < 2 || rest.front() != '.' || !std::ranges::all_of(rest.substr(1), is_digit))) {
    return std::nullopt;
  }
  const auto number = [text](std::size_t at, std::size_t size) {
    int value = 0;
    std::from_chars(text.data() + at, text.data() + at + size, value);
    return value;
  };
  const std::chrono::year_month_day date(std::chrono::year(number(0, 4)),
                                         std::chrono::month(static_cast<unsigned>(number(5, 2))),
                                         std::chrono::day(static_cast<unsigned>(number(8, 2))));
  const int hour = number(11, 2);
  const int minute = number(14, 2);
  const int second = number(17, 2);
  if (!date.ok() || hour > 23 || minute > 59 || second > 60) return std::nullopt;
  return std::chrono::sys_days(date) + std::chrono::hours(hour) + std::chrono::minutes(minute) +
         std::chrono::seconds(second);
}

}  // namespace weft::wire
