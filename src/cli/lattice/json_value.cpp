// SPDX-License-Identifier: Apache-2.0
#include "cli/lattice/json_value.hpp"

#include <fmt/format.h>
#include <boost/json.hpp>

namespace weft::cli {

Result<boost::json::value> parse_json(std::string_view text, std::string_view origin) {
  boost::system::error_code failed;
  auto value = boost::json::parse(text, failed);
  if (failed) {
    return Error(Errc::malformed, fmt::format("{} is not JSON: {}.", origin, failed.message()),
                 "Correct it, or ask a host of this version.", Blame::environment);
  }
  return value;
}

const boost::json::value* member(const boost::json::value& value, std::string_view name) noexcept {
  const auto* object = value.if_object();
  return object == nullptr ? nullptr : object->if_contains(name);
}

std::string text_at(const boost::json::value& value, std::string_view name) {
  const auto* found = member(value, name);
  return found != nullptr && found->is_string() ? std::string(found->get_string()) : std::string();
}

std::int64_t number_at(const boost::json::value& value, std::string_view name) noexcept {
  const auto* found = member(value, name);
  return found != nullptr && found->is_int64() ? found->get_int64() : 0;
}

std::vector<std::string> texts_at(const boost::json::value& value, std::string_view name) {
  const auto* found = member(value, name);
  if (found == nullptr) return {};
  if (found->is_string()) return {std::string(found->get_string())};
  std::vector<std::string> texts;
  for (const auto& item : elements(*found)) {
    if (item.is_string()) texts.emplace_back(item.get_string());
  }
  return texts;
}

std::vector<boost::json::value> elements(const boost::json::value& value) {
  const auto* array = value.if_array();
  return array == nullptr ? std::vector<boost::json::value>() : std::vector(array->begin(), array->end());
}

}  // namespace weft::cli
