// SPDX-License-Identifier: Apache-2.0
#include "host/builtin_providers.hpp"

namespace weft::host {

builtins::ProviderRegistry builtin_providers() { return {}; }

}  // namespace weft::host
