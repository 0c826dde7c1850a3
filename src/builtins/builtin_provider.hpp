// SPDX-License-Identifier: Apache-2.0
/// A weft::Builtin as the Provider that the host starts, links, configures and stops.
#pragma once

#include <weft/builtin.hpp>

#include "builtins/provider.hpp"

namespace weft::builtins {

/// What the host's registry holds for a builtin of the public interface.
[[nodiscard]] ProviderFactory provider_factory(BuiltinFactory factory);
/// Adds a program's own built-ins; already_exists names the first that the host has.
Result<void> add_builtins(ProviderRegistry& registry, const BuiltinRegistry& builtins);

}  // namespace weft::builtins
