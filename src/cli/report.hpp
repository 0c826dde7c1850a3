// SPDX-License-Identifier: Apache-2.0
/// A failure as a person or a program reads it on stderr.
#pragma once

#include "cli/context.hpp"

#include <weft/error.hpp>

#include <string>

namespace weft::cli {

/// "error: what failed" and "  fix: what would help", then the detail (a backtrace) if there is one.
std::string error_text(const Error& error, bool colours);

/// One line: {"error":{"code":"not_found","message":"...","hint":"...","exit_code":3}}.
std::string error_json(const Error& error);

/// Prints it in the context's format and returns the exit code.
int report(const Error& error, const Context& context);

}  // namespace weft::cli
