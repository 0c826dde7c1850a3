// SPDX-License-Identifier: Apache-2.0
/// Questions that two commands ask: `weft get links` and `weft link get`, `weft get config` and `weft config get`.
#pragma once

#include "cli/command_line.hpp"
#include "cli/context.hpp"

#include <string_view>

namespace weft::cli {

Result<int> list_links(const Arguments& arguments, Context& context);
/// Of the positional CONFIG.
Result<int> show_config(const Arguments& arguments, Context& context);

/// {"name": json} as the command's result.
Result<int> print_json(const Context& context, std::string_view name, std::string_view json);

}  // namespace weft::cli
