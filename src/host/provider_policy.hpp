// SPDX-License-Identifier: Apache-2.0
/// What a host's configuration, its credentials and its environment mean for its providers.
/// Threads: any that may block, while nobody changes the environment. Errors: io, not_found, malformed (credentials
/// that cannot be read).
#pragma once

#include <weft/lattice.hpp>

#include "host/provider_manager.hpp"

namespace weft::host {

Result<ProviderPolicy> provider_policy(const LatticeConfig& config);

}  // namespace weft::host
