// SPDX-License-Identifier: Apache-2.0
#include "cli/json_text.hpp"

#include "cli/utf8.hpp"

#include <fmt/format.h>

#include <iterator>

namespace weft::cli {

std::string json_quote(std::string_view text) {
  std::string quoted = "\"";
  for (std::size_t at = 0; at < text.size();) {
    const auto byte = static_cast<unsigned char>(text[at]);
    if (byte >= 0x80) {
      const std::size_t length = utf8_length(text.substr(at));
      quoted += length == 0 ? std::string_view("\xEF\xBF\xBD") : text.substr(at, length);
      at += length == 0 ? 1 : length;
      continue;
    }
    ++at;
    if (byte == '"' || byte == '\\') {
      quoted += '\\';
      quoted += static_cast<char>(byte);
    } else if (byte == '\n') {
      quoted += "\\n";
    } else if (byte < 0x20 || byte == 0x7F) {
      fmt::format_to(std::back_inserter(quoted), "\\u{:04x}", byte);
    } else {
      quoted += static_cast<char>(byte);
    }
  }
  quoted += '"';
  return quoted;
}

JsonObject& JsonObject::number(std::string_view key, std::uint64_t value) { return raw(key, fmt::format("{}", value)); }

JsonObject& JsonObject::milliseconds(std::string_view key, double value) {
  return raw(key, fmt::format("{:.3f}", value));
}

JsonObject& JsonObject::texts(std::string_view key, std::span<const std::string> values) {
  std::string list = "[";
  for (const std::string& value : values) {
    if (list.size() > 1) list += ',';
    list += json_quote(value);
  }
  return raw(key, list + "]");
}

JsonObject& JsonObject::raw(std::string_view key, std::string_view json) {
  body_ += body_.empty() ? '{' : ',';
  body_ += json_quote(key);
  body_ += ':';
  body_ += json;
  return *this;
}

}  // namespace weft::cli
