// SPDX-License-Identifier: Apache-2.0
/// Help texts, made from the tables of the commands.
#pragma once

#include "cli/command_line.hpp"

#include <span>
#include <string>

namespace weft::cli {

std::string general_help(std::span<const CommandSpec* const> commands);
std::string command_help(const CommandSpec& command);

}  // namespace weft::cli
