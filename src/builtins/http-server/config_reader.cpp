// SPDX-License-Identifier: Apache-2.0
#include "builtins/http-server/config_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "wire/json.hpp"

namespace weft::builtins::http_server {
namespace {

using Values = std::map<std::string, std::string, std::less<>>;

constexpr std::string_view kJsonKey = "config_json";
constexpr std::string_view kBase64Key = "config_b64";
constexpr std::array<std::string_view, 6> kPlaces = {"default_address", "routing_mode", "header",
                                                     "address",         "path",         "host"};
/// A day; also keeps the sums of the timers far from overflow.
constexpr std::uint64_t kMaxMilliseconds = 86'400'000;

Error invalid(std::string message, std::string hint = {}) {
  return {Errc::invalid_argument, std::move(message), std::move(hint), Blame::operator_};
}

std::string lower(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return result;
}

Result<Values> fold(const ConfigMap& config) {
  Values values;
  for (const auto& [key, value] : config) {
    if (!values.emplace(lower(key), value).second) {
      return invalid(fmt::format("key `{}` is given twice, in different case", key), "keep one of the two");
    }
  }
  return values;
}

/// Members of an object as if they had been given as text; those of `cors` and `tls` with that in front.
Result<void> flatten(const boost::json::object& object, std::string_view prefix, Values& out) {
  for (const auto& [name, value] : object) {
    auto key = fmt::format("{}{}", prefix, lower(name));
    if (value.is_null()) continue;
    if (value.is_object() && prefix.empty() && (key == "cors" || key == "tls")) {
      WEFT_CHECK(flatten(value.get_object(), key + "_", out));
    } else if (value.is_object() || value.is_double()) {
      return invalid(
          fmt::format("config_json: member `{}` must be a text, a whole number, true, false or a list", key));
    } else {
      auto text = value.is_string() ? std::string(value.get_string()) : wire::json_text(value);
      out.insert_or_assign(std::move(key), std::move(text));
    }
  }
  return {};
}

Result<Values> from_json(std::string_view json, const Values& beside) {
  auto object = wire::parse_json_object(json, kJsonKey);
  if (!object) return invalid(object.error().message(), "write one JSON object with the settings as members");
  Values values;
  for (const auto place : kPlaces) {
    if (const auto found = beside.find(place); found != beside.end()) values.insert(*found);
  }
  WEFT_CHECK(flatten(*object, {}, values));
  return values;
}

}  // namespace

Result<ConfigReader> ConfigReader::create(const ConfigMap& config) {
  ConfigReader reader;
  WEFT_TRY(reader.values_, fold(config));
  if (reader.find(kBase64Key) != nullptr) {
    return Error(Errc::unsupported, "key `config_b64` is not read by this http-server",
                 "write the same object as text under `config_json`, or each setting under its own key",
                 Blame::operator_);
  }
  if (const auto* const json = reader.find(kJsonKey)) {
    WEFT_TRY(auto values, from_json(*json, reader.values_));
    reader.values_ = std::move(values);
  }
  return reader;
}

const std::string* ConfigReader::find(std::string_view key) const {
  const auto found = values_.find(key);
  return found == values_.end() ? nullptr : &found->second;
}

const std::string* ConfigReader::find_prefix(std::string_view prefix) const {
  const auto found = values_.lower_bound(prefix);
  return found == values_.end() || !found->first.starts_with(prefix) ? nullptr : &found->first;
}

ConfigReader& ConfigReader::text(std::string_view key, std::string& out) {
  if (const auto* const value = find(key)) out = *value;
  return *this;
}

ConfigReader& ConfigReader::flag(std::string_view key, bool& out) {
  const auto* const value = find(key);
  if (value == nullptr) return *this;
  if (*value != "true" && *value != "false") return reject(key, "must be true or false");
  out = *value == "true";
  return *this;
}

ConfigReader& ConfigReader::number(std::string_view key, std::uint64_t& out, std::uint64_t least, std::uint64_t most) {
  const auto* const value = find(key);
  if (value == nullptr) return *this;
  std::uint64_t read = 0;
  const auto [end, error] = std::from_chars(value->data(), value->data() + value->size(), read);
  if (error != std::errc{} || end != value->data() + value->size() || read < least || read > most) {
    return reject(key, fmt::format("must be a whole number from {} to {}", least, most));
  }
  out = read;
  return *this;
}

ConfigReader& ConfigReader::size(std::string_view key, std::size_t& out, std::size_t least) {
  std::uint64_t value = out;
  number(key, value, least, std::numeric_limits<std::size_t>::max());
  out = value;
  return *this;
}

ConfigReader& ConfigReader::milliseconds(std::string_view key, std::chrono::milliseconds& out, std::uint64_t least) {
  auto value = static_cast<std::uint64_t>(out.count());
  number(key, value, least, kMaxMilliseconds);
  out = std::chrono::milliseconds(value);
  return *this;
}

ConfigReader& ConfigReader::texts(std::string_view key, std::vector<std::string>& out) {
  const auto* const value = find(key);
  if (value == nullptr) return *this;
  std::vector<std::string> read;
  const auto json = wire::parse_json(*value, key);
  if (!json || !wire::read_json(*json, read).empty()) {
    return reject(key, R"(must be a JSON list of texts, like ["a","b"])");
  }
  out = std::move(read);
  return *this;
}

ConfigReader& ConfigReader::reject(std::string_view key, std::string_view fault) {
  if (fault_.empty()) fault_ = fmt::format("key `{}` {}", key, fault);
  return *this;
}

Result<void> ConfigReader::check() const {
  if (fault_.empty()) return {};
  return invalid(fault_);
}

}  // namespace weft::builtins::http_server
