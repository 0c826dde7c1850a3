// SPDX-License-Identifier: Apache-2.0
/// Writes small flat JSON objects. Text comes from guests and files, so what is not UTF-8 becomes U+FFFD and the result
/// is always valid JSON. Not a JSON library: reads nothing, and the few nested objects are made by handing one object's
/// text to another's raw().
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace weft::cli {

/// With its quotes.
std::string json_quote(std::string_view text);

class JsonObject {
 public:
  JsonObject& text(std::string_view key, std::string_view value) { return raw(key, json_quote(value)); }
  JsonObject& number(std::string_view key, std::uint64_t value);
  JsonObject& milliseconds(std::string_view key, double value);
  JsonObject& boolean(std::string_view key, bool value) { return raw(key, value ? "true" : "false"); }
  JsonObject& texts(std::string_view key, std::span<const std::string> values);
  /// `json` must be a JSON value already.
  JsonObject& raw(std::string_view key, std::string_view json);

  [[nodiscard]] std::string str() const { return body_.empty() ? "{}" : body_ + "}"; }

 private:
  std::string body_;
};

}  // namespace weft::cli
