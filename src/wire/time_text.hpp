// SPDX-License-Identifier: Apache-2.0
/// Moments as text. As events write them: RFC 3339 in UTC with nine digits after the second. Threads: pure functions.
/// Source: live-host facts C11. Range: what system_clock holds, years 1678 to 2262.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace weft::wire {

/// "2026-11-20T21:21:11.865985051Z".
std::string time_text(std::chrono::system_clock::time_point moment);
/// The second of a moment in UTC, with any number of digits after it or none; nothing for what is none.
std::optional<std::chrono::sys_seconds> parse_time(std::string_view text);

}  // namespace weft::wire
