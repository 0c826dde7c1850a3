// SPDX-License-Identifier: Apache-2.0
/// Help texts, made from the tables of the commands.
#pragma once

#include "cli/command_line.hpp"

#include <span>
#include <string>
#include <string_view>

namespace weft::cli {

/// "weft run [OPTIONS] FILE [ARGS...]"
std::string usage_line(const CommandSpec& command);

std::string general_help(std::span<const CommandSpec* const> commands);
std::string command_help(const CommandSpec& command);

/// To stdout, in the form that `--output` asks for.
void print_general_help(const Context& context);
/// `group`: the commands that begin with `word`.
void print_group_help(std::string_view word, std::span<const CommandSpec* const> group, const Context& context);
void print_command_help(const CommandSpec& command, const Context& context);

}  // namespace weft::cli
