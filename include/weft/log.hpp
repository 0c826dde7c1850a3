// SPDX-License-Identifier: Apache-2.0
/// Where lines of the host, of guests and of providers go.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

namespace weft {

enum class LogLevel : std::uint8_t { debug, info, warning, error };

/// "debug", "info", "warning" or "error".
constexpr std::string_view to_text(LogLevel level) noexcept {
  switch (level) {
    case LogLevel::debug:
      return "debug";
    case LogLevel::info:
      return "info";
    case LogLevel::warning:
      return "warning";
    case LogLevel::error:
      return "error";
  }
  return "unknown";
}

/// Where the host's and the guests' lines go. `component` is empty for the host's own. Called from any thread.
using LogSink = std::function<void(LogLevel level, std::string_view component, std::string_view line)>;

}  // namespace weft
