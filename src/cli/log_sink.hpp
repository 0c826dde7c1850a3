// SPDX-License-Identifier: Apache-2.0
/// Log lines of the host and its guests, on stderr: "2026-11-21T13:00:00.123Z info [hello] line", or one JSON object
/// per line.
#pragma once

#include "cli/context.hpp"

#include <weft/host.hpp>

#include <chrono>
#include <string>
#include <string_view>

namespace weft::cli {

/// "2026-11-21T13:00:00.123Z".
std::string timestamp(std::chrono::system_clock::time_point time);

/// A text of several lines becomes as many, each with its head, so that none can be taken for another's.
std::string log_line_text(std::chrono::system_clock::time_point time, LogLevel level, std::string_view component,
                          std::string_view line, bool colours);
std::string log_line_json(std::chrono::system_clock::time_point time, LogLevel level, std::string_view component,
                          std::string_view line);

/// Borrows the context, which must outlive every host that has this sink. Lines below `lowest` are dropped.
LogSink make_log_sink(const Context& context, LogLevel lowest);

}  // namespace weft::cli
