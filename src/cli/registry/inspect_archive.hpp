// SPDX-License-Identifier: Apache-2.0
/// What `weft par inspect` and `weft inspect` print of a provider archive. Threads: blocks. Errors: those of
/// ProviderArchive; claims that do not hold are shown as such and are none.
#pragma once

#include "cli/context.hpp"

#include <weft/result.hpp>

#include <string>

namespace weft::cli {

Result<int> inspect_archive(const std::string& path, Context& context);

}  // namespace weft::cli
