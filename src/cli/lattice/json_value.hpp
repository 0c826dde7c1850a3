// SPDX-License-Identifier: Apache-2.0
/// Reading JSON of hosts and files leniently: what is missing or of another kind is empty. Threads: pure functions.
/// Errors: malformed, naming where the text is from.
#pragma once

#include <weft/result.hpp>

#include <boost/json/value.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace weft::cli {

Result<boost::json::value> parse_json(std::string_view text, std::string_view origin);

/// Null unless `value` is an object that has the member.
const boost::json::value* member(const boost::json::value& value, std::string_view name) noexcept;
std::string text_at(const boost::json::value& value, std::string_view name);
std::int64_t number_at(const boost::json::value& value, std::string_view name) noexcept;
/// A list of texts; a text alone is a list of one.
std::vector<std::string> texts_at(const boost::json::value& value, std::string_view name);
/// The elements; none if it is no list.
std::vector<boost::json::value> elements(const boost::json::value& value);

}  // namespace weft::cli
