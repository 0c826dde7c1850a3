// SPDX-License-Identifier: Apache-2.0
/// Durations as people write them: "500ms", "30s", "2m", "1h", "1.5s"; "0" alone needs no unit. Units: ms, s, m, h.
/// Errors: invalid_argument, also for more than kLongestDuration and for what is shorter than a millisecond but not 0.
#pragma once

#include <weft/result.hpp>

#include <chrono>
#include <string_view>

namespace weft::cli {

inline constexpr std::chrono::milliseconds kLongestDuration = std::chrono::hours(24 * 365);

Result<std::chrono::milliseconds> parse_duration(std::string_view text);

/// "1.5 s", "30 s", "250 ms".
std::string format_duration(std::chrono::nanoseconds duration);

}  // namespace weft::cli
