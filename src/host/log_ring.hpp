// SPDX-License-Identifier: Apache-2.0
/// The last lines of a host's log, for clients that ask for them. Bounded in lines and bytes: the oldest go first.
/// Threads: any; a lock is held for a copy of one line, never while anybody is called.
#pragma once

#include <weft/host.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace weft::host {

struct LogLine {
  std::uint64_t number = 0;  ///< counts all lines from 1
  std::string time;          ///< RFC 3339
  LogLevel level = LogLevel::info;
  std::string component;
  std::string text;
};

/// `[{"number","time","level","component","message"}]`.
std::string encode(const std::vector<LogLine>& lines);

class LogRing {
 public:
  static constexpr std::size_t kMaxLines = 10'000;
  static constexpr std::size_t kMaxBytes = 4 << 20;
  static constexpr std::size_t kMaxLineBytes = 16 << 10;

  void add(LogLevel level, std::string_view component, std::string_view text);
  /// Lines after number `after`, at most the last `limit`; of one component unless `component` is empty.
  [[nodiscard]] std::vector<LogLine> lines(std::uint64_t after, std::size_t limit, std::string_view component) const;

 private:
  mutable std::mutex mutex_;
  std::deque<LogLine> lines_;
  std::size_t bytes_ = 0;
  std::uint64_t last_ = 0;
};

}  // namespace weft::host
