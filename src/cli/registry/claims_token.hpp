// SPDX-License-Identifier: Apache-2.0
/// `weft claims token`: claims as tokens, in no file.
#pragma once

#include "cli/command_line.hpp"

namespace weft::cli {

const CommandSpec& claims_token_command() noexcept;

}  // namespace weft::cli
