// SPDX-License-Identifier: Apache-2.0
/// Says in the log what could not be delivered, without a line for each: the first of a row with its reason, and how
/// many there were once something is delivered again. Threads: any.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <weft/log.hpp>

namespace weft::builtins {

class LossLog {
 public:
  /// `what` begins the lines: "component x, subject y".
  LossLog(LogSink log, std::string provider, std::string what)
      : log_(std::move(log)), provider_(std::move(provider)), what_(std::move(what)) {}

  void lost(std::string_view why) {
    {
      const std::scoped_lock lock(mutex_);
      if (++lost_ > 1) return;
    }
    log_(LogLevel::warning, provider_, what_ + ": " + std::string(why));
  }
  void delivered() {
    std::uint64_t missed = 0;
    {
      const std::scoped_lock lock(mutex_);
      missed = std::exchange(lost_, 0);
    }
    if (missed > 1)
      log_(LogLevel::warning, provider_, what_ + ": delivers again; " + std::to_string(missed) + " were not");
  }

 private:
  const LogSink log_;
  const std::string provider_;
  const std::string what_;
  std::mutex mutex_;
  std::uint64_t lost_ = 0;
};

}  // namespace weft::builtins
