// SPDX-License-Identifier: Apache-2.0
/// A link as the lattice tells it, as providers see it. Pure.
#pragma once

#include "builtins/provider.hpp"
#include "wire/host_data.hpp"

namespace weft::builtins {

/// Secrets as a provider's author sees them.
SecretMap provider_secrets(wire::SecretMap secrets);

/// The secrets of `link` itself are sealed, and not read: what was in them comes beside it.
ProviderLink provider_link(wire::LinkDefinition link, wire::SecretMap source_secrets = {},
                           wire::SecretMap target_secrets = {});

}  // namespace weft::builtins
