// SPDX-License-Identifier: Apache-2.0
#include "cli/log_sink.hpp"

#include "cli/json_text.hpp"
#include "cli/utf8.hpp"

#include <fmt/format.h>

#include <ctime>

namespace weft::cli {
namespace {

std::string_view colour_of(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return "\x1b[2m";
    case LogLevel::info:
      return "\x1b[32m";
    case LogLevel::warning:
      return "\x1b[33m";
    case LogLevel::error:
      return "\x1b[31m";
  }
  return "";
}

}  // namespace

std::string timestamp(std::chrono::system_clock::time_point time) {
  const auto since = std::chrono::floor<std::chrono::milliseconds>(time.time_since_epoch());
  const auto seconds = std::chrono::floor<std::chrono::seconds>(since);
  const std::time_t clock = seconds.count();
  std::tm utc{};
  ::gmtime_r(&clock, &utc);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday,
                     utc.tm_hour, utc.tm_min, utc.tm_sec, (since - seconds).count());
}

std::string log_line_text(std::chrono::system_clock::time_point time, LogLevel level, std::string_view component,
                          std::string_view line, bool colours) {
  std::string head = timestamp(time);
  head += ' ';
  if (colours) head += colour_of(level);
  head += to_text(level);
  if (colours) head += "\x1b[0m";
  if (!component.empty()) head += fmt::format(" [{}]", printable(component));
  std::string text;
  do {
    const std::size_t end = line.find('\n');
    text += fmt::format("{} {}\n", head, printable(line.substr(0, end)));
    line.remove_prefix(end == std::string_view::npos ? line.size() : end + 1);
  } while (!line.empty());
  return text;
}

std::string log_line_json(std::chrono::system_clock::time_point time, LogLevel level, std::string_view component,
                          std::string_view line) {
  JsonObject object;
  object.text("time", timestamp(time)).text("level", to_text(level));
  if (!component.empty()) object.text("component", component);
  return object.text("message", line).str() + "\n";
}

LogSink make_log_sink(const Context& context, LogLevel lowest) {
  return [&context, lowest, colours = context.colours()](LogLevel level, std::string_view component,
                                                         std::string_view line) {
    if (level < lowest) return;
    const auto now = context.now();
    context.console.err(context.output == OutputFormat::json ? log_line_json(now, level, component, line)
                                                             : log_line_text(now, level, component, line, colours));
  };
}

}  // namespace weft::cli
