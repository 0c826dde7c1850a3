// SPDX-License-Identifier: Apache-2.0
/// Ids: those of events sort by time, those of processes mean nothing; both are UUIDs. Threads: pure functions; time
/// and randomness are passed in. Source: control-plane facts 5.1 (a ULID's bits: 48 of milliseconds since 1970, then 80
/// of randomness).
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <span>
#include <string>

namespace weft::wire {

using Uuid = std::array<std::uint8_t, 16>;

Uuid time_ordered_uuid(std::chrono::system_clock::time_point now, std::span<const std::uint8_t, 10> random) noexcept;
/// Version 4.
Uuid random_uuid(std::span<const std::uint8_t, 16> random) noexcept;
/// 36 characters: lower case, four hyphens.
std::string uuid_text(const Uuid& uuid);

}  // namespace weft::wire
