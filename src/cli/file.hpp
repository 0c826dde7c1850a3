// SPDX-License-Identifier: Apache-2.0
/// Whole files for the commands that make them.
/// Errors: not_found, permission_denied, io; the message names the path.
#pragma once

#include <weft/result.hpp>

#include <string>
#include <string_view>

namespace weft::cli {

Result<std::string> read_file(const std::string& path);

/// Whole or not at all: a reader never sees half of it.
Result<void> write_file(const std::string& path, std::string_view bytes);

}  // namespace weft::cli
