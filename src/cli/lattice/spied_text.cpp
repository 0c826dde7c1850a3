// SPDX-License-Identifier: Apache-2.0
#include "cli/lattice/spied_text.hpp"

#include <fmt/format.h>

#include <iterator>

namespace weft::cli {
namespace {

/// "12:00:01.123" out of "2026-11-20T12:00:01.123456789Z"; anything else as it is.
std::string clock_of(const std::string& time) {
  constexpr std::size_t begin = 11;
  constexpr std::size_t length = 12;
  return time.size() >= begin + length && time[begin - 1] == 'T' ? time.substr(begin, length) : time;
}

std::string time_taken(std::uint64_t nanoseconds) {
  const auto time = static_cast<double>(nanoseconds);
  if (time < 1e6) return fmt::format("{:.1f} us", time / 1e3);
  if (time < 1e9) return fmt::format("{:.2f} ms", time / 1e6);
  return fmt::format("{:.2f} s", time / 1e9);
}

std::string streams(std::uint64_t count) {
  if (count == 0) return {};
  return count == 1 ? "a stream" : fmt::format("{} streams", count);
}

/// The values, then what goes beside them.
std::string values(const wire::SpiedValues& values) {
  auto text = values.text;
  if (const auto beside = streams(values.streams); !beside.empty()) {
    text += fmt::format("{}<{}>", text.empty() ? "" : ", ", beside);
  }
  return text;
}

void add_request(std::string& line, const wire::SpiedCall& call, const wire::SpiedHttp& http) {
  auto out = std::back_inserter(line);
  // Whoever is asked in the world matters more than the provider that asks.
  const bool goes_out = call.interface.contains("outgoing-handler");
  fmt::format_to(out, "{} {}{}", http.method, goes_out ? http.authority : std::string(), http.path);
  if (call.params.bytes != 0) fmt::format_to(out, " ({} bytes)", call.params.bytes);
  if (http.status == 0) {
    line += " => no answer";
  } else {
    fmt::format_to(out, " => {}, {} bytes", http.status, call.results.bytes);
  }
  if (!call.error.empty()) fmt::format_to(out, ": {}", call.error);
}

void add_call(std::string& line, const wire::SpiedCall& call) {
  auto out = std::back_inserter(line);
  fmt::format_to(out, "{}#{}({})", call.interface, call.function, values(call.params));
  if (!call.error.empty()) {
    fmt::format_to(out, " failed: {}", call.error);
  } else if (const auto results = values(call.results); !results.empty()) {
    fmt::format_to(out, " => {}", results);
  }
}

}  // namespace

std::string spied_text(const wire::SpiedCall& call) {
  auto line = fmt::format("{} {}{} -> {}{} ", clock_of(call.time), call.source.empty() ? "(nobody)" : call.source,
                          call.way == wire::CallWay::in ? " (elsewhere)" : "", call.target,
                          call.way == wire::CallWay::out ? " (elsewhere)" : "");
  if (call.http) {
    add_request(line, call, *call.http);
  } else {
    add_call(line, call);
  }
  return line + fmt::format(" [{}]", time_taken(call.nanoseconds));
}

}  // namespace weft::cli
