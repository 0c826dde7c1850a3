// SPDX-License-Identifier: Apache-2.0
/// The help as data: the same tables as the help's text.
#pragma once

#include "cli/command_line.hpp"

#include <span>
#include <string>

namespace weft::cli {

/// Name, summary and usage of each command, and the exit codes.
std::string general_help_json(std::span<const CommandSpec* const> commands);
/// One command with its arguments, options and examples.
std::string command_help_json(const CommandSpec& command);

}  // namespace weft::cli
