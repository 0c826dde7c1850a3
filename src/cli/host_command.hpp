// SPDX-License-Identifier: Apache-2.0
/// The settings of `weft host`: the flags and variables of wasmCloud 1.9's host, as far as weft has a counterpart.
/// Source: control-plane facts 1.6. Threads: pure functions. Errors: invalid_argument, naming the option.
#pragma once

#include "cli/command_line.hpp"
#include "cli/context.hpp"
#include "cli/daemon.hpp"

#include <string>
#include <vector>

namespace weft::cli {

/// True if the environment is that of a host that wash starts.
bool started_by_wash(const Context& context);

/// Those that were given something else than their default and that weft has nothing for: "--policy-topic".
std::vector<std::string> unsupported_settings(const Arguments& arguments, const Context& context);

Result<Daemon> wasmcloud_daemon(const Arguments& arguments, Context& context);

}  // namespace weft::cli
