// SPDX-License-Identifier: Apache-2.0
#include "builtins/logging/logging_target.hpp"

#include <cstdint>
#include <string_view>
#include <utility>

#include "base/assert.hpp"

namespace weft::builtins {
namespace {

enum class GuestLevel : std::uint8_t { trace, debug, info, warn, error, critical };

LogLevel level_of(GuestLevel level) noexcept {
  switch (level) {
    case GuestLevel::trace:
    case GuestLevel::debug:
      return LogLevel::debug;
    case GuestLevel::info:
      return LogLevel::info;
    case GuestLevel::warn:
      return LogLevel::warning;
    case GuestLevel::error:
    case GuestLevel::critical:
      return LogLevel::error;
  }
  return LogLevel::error;
}

/// What stands before every line of a record.
std::string prefix_of(GuestLevel level, std::string_view context) {
  std::string prefix;
  if (level == GuestLevel::trace) prefix = "[trace] ";
  if (level == GuestLevel::critical) prefix = "[critical] ";
  if (context.empty()) return prefix;
  // One line, whatever the guest put in it.
  for (const char letter : context.substr(0, 256)) prefix += letter == '\n' || letter == '\r' ? ' ' : letter;
  return prefix + ": ";
}

/// Cuts at the limit, and not inside a character.
std::string_view cut(std::string_view message) noexcept {
  const std::string_view head = message.substr(0, kMaxRecordBytes);
  return head.substr(0, utf8_prefix(head));
}

}  // namespace
}  // namespace weft::builtins

template <>
inline constexpr std::uint32_t weft::kEnumCases<weft::builtins::GuestLevel> = 6;

namespace weft::builtins {
namespace {

class Logging final : public Builtin {
 public:
  Logging(std::string component, LogSink sink) : component_(std::move(component)), sink_(std::move(sink)) {
    function("wasi:logging/logging", "log",
             [this](GuestLevel level, std::string_view context, std::string_view message) {
               if (sink_) log(level, context, message);
             });
  }

 private:
  void log(GuestLevel level, std::string_view context, std::string_view message) const {
    const std::string prefix = prefix_of(level, context);
    std::string_view rest = cut(message);
    std::size_t lines = 0;
    do {
      const auto end = rest.find('\n');
      std::string_view line = rest.substr(0, end);
      if (line.ends_with('\r')) line.remove_suffix(1);
      sink_(level_of(level), component_, prefix.empty() ? std::string(line) : prefix + std::string(line));
      rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    } while (!rest.empty() && ++lines < kMaxRecordLines);
    const std::size_t left = message.size() - cut(message).size() + rest.size();
    if (left != 0) sink_(level_of(level), component_, prefix + "(" + std::to_string(left) + " bytes cut)");
  }

  std::string component_;
  LogSink sink_;
};

}  // namespace

std::shared_ptr<dispatch::Target> make_logging_target(std::string component, std::size_t shards, LogSink sink) {
  auto service = std::make_unique<Logging>(component, std::move(sink));
  auto target = BuiltinTarget::create(std::move(service), {.id = std::move(component) + "/logging", .shards = shards});
  WEFT_ASSERT(target.has_value());
  return *std::move(target);
}

}  // namespace weft::builtins
