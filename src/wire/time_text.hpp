// SPDX-License-Identifier: Apache-2.0
/// A moment as events write it: RFC 3339 in UTC with nine digits after the second. Threads: pure function.
/// Source: live-host facts C11. Range: what system_clock holds, years 1678 to 2262.
#pragma once

#include <chrono>
#include <string>

namespace weft::wire {

/// "2026-11-20T21:21:11.865985051Z".
std::string time_text(std::chrono::system_clock::time_point moment);

}  // namespace weft::wire
