// SPDX-License-Identifier: Apache-2.0
/// How many calls there were, how many failed and how long they took: as plain data, and as it is counted.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace weft::dispatch {

/// Calls by how long they took: the n-th of them took less than 2^n microseconds and is not in one before; the last
/// holds all that took longer.
inline constexpr std::size_t kLatencyBuckets = 26;

constexpr std::size_t latency_bucket(std::chrono::nanoseconds took) noexcept {
  const auto micros = took.count() < 0 ? 0ULL : static_cast<unsigned long long>(took.count()) / 1000U;
  const auto bucket = static_cast<std::size_t>(std::bit_width(micros));
  return bucket < kLatencyBuckets ? bucket : kLatencyBuckets - 1;
}

/// Below which time the share `quantile` (0 to 1) of these calls stayed, taking those of one bucket as evenly spread.
constexpr std::chrono::nanoseconds latency_quantile(const std::array<std::uint64_t, kLatencyBuckets>& latency,
                                                    double quantile) noexcept {
  std::uint64_t all = 0;
  for (const auto count : latency) {
    all += count;
  }
  const double wanted = quantile * static_cast<double>(all);
  double before = 0;
  for (std::size_t bucket = 0; bucket < kLatencyBuckets; ++bucket) {
    const auto here = static_cast<double>(latency[bucket]);
    if (here > 0 && before + here >= wanted) {
      const double low = bucket == 0 ? 0 : static_cast<double>(1ULL << (bucket - 1));
      const double high = static_cast<double>(1ULL << bucket);
      const double micros = low + (high - low) * (wanted - before) / here;
      return std::chrono::nanoseconds(static_cast<std::int64_t>(micros * 1000));
    }
    before += here;
  }
  return std::chrono::nanoseconds(0);
}

struct CallFigures {
  std::uint64_t calls = 0;   ///< that have ended
  std::uint64_t errors = 0;  ///< of them
  std::chrono::nanoseconds time{0};
  std::array<std::uint64_t, kLatencyBuckets> latency{};
};

/// The same as it is counted: written by one shard, read by any thread.
class CallCounters {
 public:
  void ended(std::chrono::nanoseconds took, bool failed) noexcept {
    add(latency_[latency_bucket(took)], 1);
    add(nanos_, static_cast<std::uint64_t>(std::max<std::int64_t>(took.count(), 0)));
    if (failed) {
      add(errors_, 1);
    }
  }
  void add_to(CallFigures& figures) const noexcept {
    figures.errors += errors_.load(std::memory_order_relaxed);
    figures.time += std::chrono::nanoseconds(nanos_.load(std::memory_order_relaxed));
    for (std::size_t bucket = 0; bucket < kLatencyBuckets; ++bucket) {
      const auto count = latency_[bucket].load(std::memory_order_relaxed);
      figures.latency[bucket] += count;
      figures.calls += count;
    }
  }

 private:
  /// One writer: a load and a store, no locked instruction.
  static void add(std::atomic<std::uint64_t>& counter, std::uint64_t count) noexcept {
    counter.store(counter.load(std::memory_order_relaxed) + count, std::memory_order_relaxed);
  }

  std::atomic<std::uint64_t> errors_{0};
  std::atomic<std::uint64_t> nanos_{0};
  std::array<std::atomic<std::uint64_t>, kLatencyBuckets> latency_{};
};

}  // namespace weft::dispatch
