// SPDX-License-Identifier: Apache-2.0
/// Values of options through their parsers, and what holds when an option is not given. Pure but for the environment.
/// Errors: invalid_argument, naming the option.
#pragma once

#include "cli/command_line.hpp"
#include "cli/context.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace weft::cli {

enum class Origin : std::uint8_t { flag, environment, fallback };

struct Setting {
  std::string value;  ///< of a flag: "true" or "false"; several are joined by commas
  Origin origin = Origin::fallback;
};

/// What holds for an option: what is given, else its variable, else its documented default.
Setting setting(const Arguments& arguments, const Context& context, const OptionSpec& option);

/// The same without the default. An empty variable counts as not set.
std::optional<std::string> option_value(const Arguments& arguments, const Context& context,
                                        std::span<const OptionSpec> options, std::string_view name);

/// The error of a parser, with the option's name before it.
Error at_option(std::string_view option, const Error& error);

Result<void> read_duration(const Arguments& arguments, std::string_view option, std::chrono::milliseconds& target);
Result<void> read_size(const Arguments& arguments, std::string_view option, std::uint64_t& target);
/// The same where nothing given means nothing set; "1.5".
Result<void> read_size(const Arguments& arguments, std::string_view option, std::optional<std::uint64_t>& target);
Result<void> read_whole(const Arguments& arguments, std::string_view option, std::optional<std::uint64_t>& target);
Result<void> read_decimal(const Arguments& arguments, std::string_view option, std::optional<double>& target);
/// Each of them "key=value".
Result<std::map<std::string, std::string>> read_pairs(const Arguments& arguments, std::string_view option);
Result<std::map<std::string, std::string>> parse_pairs(std::span<const std::string> texts, std::string_view what);

}  // namespace weft::cli
