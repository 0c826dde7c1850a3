// SPDX-License-Identifier: Apache-2.0
/// Every command of weft, each in the file of its name. Adding one is a file, a line here and a line in commands.cpp.
#pragma once

#include "cli/command_line.hpp"
#include "cli/context.hpp"

#include <span>
#include <string>

namespace weft::cli {

const CommandSpec& up_command() noexcept;
const CommandSpec& run_command() noexcept;
const CommandSpec& call_command() noexcept;
const CommandSpec& inspect_command() noexcept;
const CommandSpec& compile_command() noexcept;
const CommandSpec& version_command() noexcept;
const CommandSpec& completions_command() noexcept;
const CommandSpec& wit_bindgen_command() noexcept;
const CommandSpec& wit_new_command() noexcept;
const CommandSpec& help_command() noexcept;

/// In the order of the help.
std::span<const CommandSpec* const> commands() noexcept;

/// Parses, runs, reports; the exit code. `words` are the arguments without the program's name. No exception leaves it.
int run_weft(std::span<const std::string> words, Context& context) noexcept;

}  // namespace weft::cli
