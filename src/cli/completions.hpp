// SPDX-License-Identifier: Apache-2.0
/// Completion scripts for shells, made from the tables of the commands.
#pragma once

#include "cli/command_line.hpp"

#include <span>
#include <string>

namespace weft::cli {

std::string bash_completions(std::span<const CommandSpec* const> commands);
std::string zsh_completions(std::span<const CommandSpec* const> commands);
std::string fish_completions(std::span<const CommandSpec* const> commands);

}  // namespace weft::cli
