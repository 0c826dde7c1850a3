// SPDX-License-Identifier: Apache-2.0
/// Lets so many lines of a process into the log, and counts the rest: a bucket of lines that fills again with time.
/// Threads: a plain value.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>

namespace weft::host {

class LineThrottle {
 public:
  using Instant = std::chrono::steady_clock::time_point;

  static constexpr std::int64_t kBurst = 1'000;
  static constexpr std::int64_t kPerSecond = 200;
  /// A flood that goes on is told of so often.
  static constexpr std::chrono::seconds kReportEvery{1};

  explicit LineThrottle(Instant now) : filled_(now), reported_(now) {}

  /// Whether a line that comes now is let through.
  bool admit(Instant now) {
    const auto grown = std::chrono::floor<Tick>(now - filled_);
    filled_ += grown;
    tokens_ = std::min<std::int64_t>(kBurst, tokens_ + grown.count());
    if (tokens_ == 0) {
      ++dropped_;
      return false;
    }
    --tokens_;
    return true;
  }
  /// How many lines were dropped since the last report, when it is time for one.
  std::optional<std::uint64_t> report(Instant now) {
    if (dropped_ == 0 || now - reported_ < kReportEvery) {
      return std::nullopt;
    }
    reported_ = now;
    return std::exchange(dropped_, 0);
  }
  /// The same, for the last time.
  std::optional<std::uint64_t> last_report() {
    return dropped_ == 0 ? std::nullopt : std::optional(std::exchange(dropped_, 0));
  }

 private:
  using Tick = std::chrono::duration<std::int64_t, std::ratio<1, kPerSecond>>;

  std::int64_t tokens_ = kBurst;
  Instant filled_;
  Instant reported_;
  std::uint64_t dropped_ = 0;
};

}  // namespace weft::host
