// SPDX-License-Identifier: Apache-2.0
#include "cli/option_value.hpp"

#include "cli/parse_duration.hpp"
#include "cli/parse_number.hpp"
#include "cli/parse_size.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace weft::cli {

Setting setting(const Arguments& arguments, const Context& context, const OptionSpec& option) {
  if (arguments.flag(option.name)) {
    if (option.value.empty()) return {"true", Origin::flag};
    return {fmt::format("{}", fmt::join(arguments.values(option.name), ",")), Origin::flag};
  }
  if (!option.environment.empty()) {
    auto value = context.getenv(std::string(option.environment));
    if (value && !value->empty()) return {*std::move(value), Origin::environment};
  }
  if (option.value.empty() && option.fallback.empty()) return {"false", Origin::fallback};
  return {std::string(option.fallback), Origin::fallback};
}

std::optional<std::string> option_value(const Arguments& arguments, const Context& context,
                                        std::span<const OptionSpec> options, std::string_view name) {
  const auto option = std::ranges::find(options, name, &OptionSpec::name);
  if (option == options.end()) return std::nullopt;
  auto found = setting(arguments, context, *option);
  if (found.origin == Origin::fallback) return std::nullopt;
  return std::move(found.value);
}

Error at_option(std::string_view option, const Error& error) {
  return Error(error.code(), fmt::format("'--{}': {}", option, error.message()), error.hint(), error.blame());
}

Result<void> read_duration(const Arguments& arguments, std::string_view option, std::chrono::milliseconds& target) {
  const auto text = arguments.value(option);
  if (!text) return {};
  auto duration = parse_duration(*text);
  if (!duration) return at_option(option, duration.error());
  target = *duration;
  return {};
}

Result<void> read_size(const Arguments& arguments, std::string_view option, std::uint64_t& target) {
  const auto text = arguments.value(option);
  if (!text) return {};
  auto size = parse_size(*text);
  if (!size) return at_option(option, size.error());
  target = *size;
  return {};
}

Result<void> read_size(const Arguments& arguments, std::string_view option, std::optional<std::uint64_t>& target) {
  if (!arguments.value(option)) return {};
  return read_size(arguments, option, target.emplace());
}

Result<void> read_whole(const Arguments& arguments, std::string_view option, std::optional<std::uint64_t>& target) {
  const auto text = arguments.value(option);
  if (!text) return {};
  target = parse_whole(*text, UINT64_MAX);
  if (target) return {};
  return Error(Errc::invalid_argument, fmt::format("'--{}': '{}' is not a whole number.", option, *text),
               "Write one, such as 100.", Blame::operator_);
}

Result<void> read_decimal(const Arguments& arguments, std::string_view option, std::optional<double>& target) {
  const auto text = arguments.value(option);
  if (!text) return {};
  const auto number = parse_number_with_unit(*text);
  if (!number || !number->unit.empty()) {
    return Error(Errc::invalid_argument, fmt::format("'--{}': '{}' is not a number.", option, *text),
                 "Write one, such as 1.5.", Blame::operator_);
  }
  target = static_cast<double>(number->whole) +
           (static_cast<double>(number->fraction) / static_cast<double>(number->fraction_scale));
  return {};
}

Result<std::map<std::string, std::string>> parse_pairs(std::span<const std::string> texts, std::string_view what) {
  std::map<std::string, std::string> pairs;
  for (const std::string& text : texts) {
    const auto equals = text.find('=');
    if (equals == std::string::npos || equals == 0) {
      return Error(Errc::invalid_argument, fmt::format("'{}' is not {}.", text, what), "Write key=value.",
                   Blame::operator_);
    }
    pairs.insert_or_assign(text.substr(0, equals), text.substr(equals + 1));
  }
  return pairs;
}

Result<std::map<std::string, std::string>> read_pairs(const Arguments& arguments, std::string_view option) {
  auto pairs = parse_pairs(arguments.values(option), "a pair");
  if (!pairs) return at_option(option, pairs.error());
  return pairs;
}

}  // namespace weft::cli
