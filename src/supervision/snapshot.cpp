// SPDX-License-Identifier: Apache-2.0
#include "supervision/snapshot.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <chrono>
#include <iterator>

namespace weft::supervision {
namespace {

constexpr std::size_t kMaxFailureChars = 120;

std::string rfc3339(WallTime time) {
  const auto millis = std::chrono::floor<std::chrono::milliseconds>(time);
  const auto seconds = std::chrono::floor<std::chrono::seconds>(millis);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(std::chrono::system_clock::to_time_t(seconds)),
                     (millis - seconds).count());
}

boost::json::object as_json(const NodeInfo& node) {
  boost::json::object object{{"id", node.id},
                             {"name", node.name},
                             {"kind", node.kind},
                             {"state", to_string(node.state)},
                             {"restart", to_string(node.restart)},
                             {"restarts", node.restarts}};
  if (node.started_at) object["startedAt"] = rfc3339(*node.started_at);
  if (node.last_failure) {
    object["lastFailure"] = {{"text", node.last_failure->text}, {"at", rfc3339(node.last_failure->at)}};
  }
  if (node.strategy) {
    object["strategy"] = to_string(*node.strategy);
    boost::json::array children;
    for (const auto& child : node.children) children.emplace_back(as_json(child));
    object["children"] = std::move(children);
  }
  return object;
}

// The largest unit that fits, cut: "3h", "12s".
std::string age(WallTime since, WallTime now) {
  const auto seconds = std::max<std::int64_t>(0, std::chrono::floor<std::chrono::seconds>(now - since).count());
  constexpr std::int64_t minute = 60;
  constexpr std::int64_t hour = 60 * minute;
  constexpr std::int64_t day = 24 * hour;
  if (seconds < minute) return fmt::format("{}s", seconds);
  if (seconds < hour) return fmt::format("{}m", seconds / minute);
  if (seconds < 2 * day) return fmt::format("{}h", seconds / hour);
  return fmt::format("{}d", seconds / day);
}

// A failure may quote bytes from outside: no control characters on a terminal, and no half of a UTF-8 sequence.
std::string one_line(std::string text) {
  for (char& character : text) {
    const auto byte = static_cast<unsigned char>(character);
    if (byte < 0x20 || byte == 0x7f) character = ' ';
  }
  if (text.size() <= kMaxFailureChars) return text;
  std::size_t end = kMaxFailureChars;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80) --end;
  return text.substr(0, end) + "...";
}

std::string describe(const NodeInfo& node, WallTime now) {
  std::string text = fmt::format("{} [{}] {}", node.name, node.kind, to_string(node.state));
  auto out = std::back_inserter(text);
  if (node.started_at) fmt::format_to(out, " {}", age(*node.started_at, now));
  if (node.strategy) fmt::format_to(out, " {}", to_string(*node.strategy));
  if (node.restarts > 0) fmt::format_to(out, " restarts={}", node.restarts);
  if (node.last_failure) {
    fmt::format_to(out, " ({} ago: {})", age(node.last_failure->at, now), one_line(node.last_failure->text));
  }
  return text + '\n';
}

void append_children(std::string& text, const NodeInfo& node, const std::string& indent, WallTime now) {
  for (std::size_t at = 0; at < node.children.size(); ++at) {
    const bool last = at + 1 == node.children.size();
    text += indent + (last ? "└─ " : "├─ ") + describe(node.children[at], now);
    append_children(text, node.children[at], indent + (last ? "   " : "│  "), now);
  }
}

}  // namespace

std::string_view to_string(Restart restart) noexcept {
  switch (restart) {
    case Restart::permanent:
      return "permanent";
    case Restart::transient:
      return "transient";
    case Restart::temporary:
      return "temporary";
  }
  return "unknown";
}

std::string_view to_string(Strategy strategy) noexcept {
  switch (strategy) {
    case Strategy::one_for_one:
      return "one-for-one";
    case Strategy::one_for_all:
      return "one-for-all";
    case Strategy::rest_for_one:
      return "rest-for-one";
  }
  return "unknown";
}

std::string to_json(const NodeInfo& node) { return boost::json::serialize(as_json(node)); }

std::string to_text(const NodeInfo& node, WallTime now) {
  std::string text = describe(node, now);
  append_children(text, node, "", now);
  return text;
}

}  // namespace weft::supervision
