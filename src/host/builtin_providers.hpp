// SPDX-License-Identifier: Apache-2.0
/// The capability providers that come with weft.
#pragma once

#include "builtins/provider.hpp"

namespace weft::host {

builtins::ProviderRegistry builtin_providers();

}  // namespace weft::host
