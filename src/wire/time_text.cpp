// SPDX-License-Identifier: Apache-2.0
#include "wire/time_text.hpp"

#include <fmt/format.h>

namespace weft::wire {

std::string time_text(std::chrono::system_clock::time_point moment) {
  using std::chrono::floor;
  const auto day = floor<std::chrono::days>(moment);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(std::chrono::duration_cast<std::chrono::nanoseconds>(moment - day));
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:09}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), clock.hours().count(),
                     clock.minutes().count(), clock.seconds().count(), clock.subseconds().count());
}

}  // namespace weft::wire
