// SPDX-License-Identifier: Apache-2.0
/// Figures of one component's calls, as plain data for metrics.
#pragma once

#include <array>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace weft::host {

/// Calls by how long they took: the n-th of them took less than 2^n microseconds and is not in one before; the last
/// holds all that took longer.
inline constexpr std::size_t kLatencyBuckets = 26;

constexpr std::size_t latency_bucket(std::chrono::nanoseconds took) noexcept {
  const auto micros = took.count() < 0 ? 0ULL : static_cast<unsigned long long>(took.count()) / 1000U;
  const auto bucket = static_cast<std::size_t>(std::bit_width(micros));
  return bucket < kLatencyBuckets ? bucket : kLatencyBuckets - 1;
}

struct InterfaceStats {
  std::string interface;     ///< as exported; empty: the component's own functions, and what it does not export
  std::uint64_t calls = 0;   ///< that have ended
  std::uint64_t errors = 0;  ///< of them
  std::chrono::nanoseconds time{0};
  std::array<std::uint64_t, kLatencyBuckets> latency{};
};

struct ComponentStats {
  std::uint32_t running = 0;  ///< HTTP requests too
  std::uint32_t queued = 0;
  std::uint32_t max_instances = 0;  ///< 0: no limit
  std::uint64_t shed = 0;           ///< refused because the queue was full
  std::vector<InterfaceStats> interfaces;
};

}  // namespace weft::host
