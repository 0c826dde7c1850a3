// SPDX-License-Identifier: Apache-2.0
/// A duration as hosts show it to people: "2m 21s", "3days 4h 5m 6s". Threads: pure functions.
/// Source: control-plane facts 1.5; a year is 365.25 days and a month 30.44 days, as in the reference.
#pragma once

#include <cstdint>
#include <string>

namespace weft::wire {

/// Units that are zero are left out; nothing at all is "0s".
std::string uptime_text(std::uint64_t seconds);

}  // namespace weft::wire
