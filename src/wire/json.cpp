// SPDX-License-Identifier: Apache-2.0
#include "wire/json.hpp"

#include <algorithm>

namespace weft::wire {
namespace {

namespace json = boost::json;

/// Of the well-formed UTF-8 sequence at the beginning; 0: there is none. Source: Unicode 15, table 3-7.
std::size_t sequence_length(std::string_view text) noexcept {
  const auto byte = [text](std::size_t at) { return at < text.size() ? static_cast<unsigned char>(text[at]) : 0U; };
  const auto is_tail = [&byte](std::size_t at) { return (byte(at) & 0xC0U) == 0x80U; };
  const auto lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead < 0xC2 || lead > 0xF4) return 0;
  if (lead < 0xE0) return is_tail(1) ? 2 : 0;
  const bool overlong = (lead == 0xE0 && byte(1) < 0xA0) || (lead == 0xF0 && byte(1) < 0x90);
  const bool surrogate = lead == 0xED && byte(1) >= 0xA0;
  const bool too_large = lead == 0xF4 && byte(1) >= 0x90;
  if (overlong || surrogate || too_large || !is_tail(1) || !is_tail(2)) return 0;
  if (lead < 0xF0) return 3;
  return is_tail(3) ? 4 : 0;
}

/// JSON's own characters are ASCII, so repairing the text repairs its strings and nothing else.
std::string to_utf8(std::string text) {
  const auto is_ascii = [](char c) { return static_cast<unsigned char>(c) < 0x80; };
  if (std::ranges::all_of(text, is_ascii)) return text;
  std::string repaired;
  repaired.reserve(text.size());
  for (std::string_view rest = text; !rest.empty();) {
    const auto length = sequence_length(rest);
    repaired.append(length == 0 ? std::string_view("\xEF\xBF\xBD") : rest.substr(0, length));
    rest.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return repaired;
}

}  // namespace

Error malformed_json(std::string_view what, std::string_view fault) {
  return Error{Errc::malformed, fmt::format("{}: {}", what, fault), {}, Blame::peer};
}

Result<json::value> parse_json(std::string_view text, std::string_view what) {
  if (text.size() > kMaxJsonBytes) {
    return malformed_json(what, fmt::format("{} bytes are more than the limit of {}", text.size(), kMaxJsonBytes));
  }
  json::parse_options options;
  options.max_depth = kMaxJsonDepth;
  json::error_code error;
  auto value = json::parse(to_json(text), error, {}, options);
  if (error) return malformed_json(what, fmt::format("not JSON ({})", error.message()));
  return value;
}

Result<json::object> parse_json_object(std::string_view text, std::string_view what) {
  WEFT_TRY(auto value, parse_json(text, what));
  if (!value.is_object()) return malformed_json(what, "must be an object");
  return std::move(value.get_object());
}

std::string json_text(const json::value& value) { return to_utf8(json::serialize(value)); }

std::string json_text_with(const json::object& object, std::string_view name, std::string_view json) {
  auto text = json_text(object);
  text.pop_back();
  if (!object.empty()) text += ',';
  text += json::serialize(to_json(name));
  text += ':';
  text += json;
  text += '}';
  return text;
}

json::object to_json(const std::map<std::string, std::string>& map) {
  json::object object;
  object.reserve(map.size());
  for (const auto& [key, value] : map) object[key] = value;
  return object;
}

json::array to_json(const std::vector<std::string>& list) {
  json::array array;
  array.reserve(list.size());
  for (const auto& element : list) array.emplace_back(to_json(std::string_view(element)));
  return array;
}

std::string read_json(const json::value& value, std::string& out) {
  if (!value.is_string()) return "must be a string";
  const auto& text = value.get_string();
  out.assign(text.data(), text.size());
  return {};
}

std::string read_json(const json::value& value, bool& out) {
  if (!value.is_bool()) return "must be true or false";
  out = value.get_bool();
  return {};
}

std::string read_json(const json::value& value, std::map<std::string, std::string>& out) {
  if (!value.is_object()) return "must be an object of strings";
  out.clear();
  for (const auto& [key, element] : value.get_object()) {
    if (!element.is_string())
      return fmt::format("must be an object of strings, and its `{}` is none",
                         std::string_view(key.data(), key.size()));
    out.emplace(std::string_view(key.data(), key.size()),
                std::string_view(element.get_string().data(), element.get_string().size()));
  }
  return {};
}

}  // namespace weft::wire
