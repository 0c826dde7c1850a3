// SPDX-License-Identifier: Apache-2.0
/// Options that say where components and providers are fetched from, for hosts and for the commands that push and pull,
/// and whose may run. Pure but for the environment that is handed in. Errors: invalid_argument, naming the option.
#pragma once

#include "cli/command_line.hpp"
#include "cli/context.hpp"
#include "registry/artifact_store.hpp"

#include <weft/lattice.hpp>

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weft::cli {

/// Of `weft host` and `weft up`. Source of names and variables: control-plane facts 1.6; --require-signed,
/// --allowed-issuer, --artifact-cache, --artifact-cache-size and --docker-config are weft's own.
std::span<const OptionSpec> image_options() noexcept;
Result<ArtifactConfig> artifact_config(const Arguments& arguments, const Context& context);

/// Of commands that speak with a registry themselves. Names and variables are those of wash 0.43.
std::span<const OptionSpec> registry_options() noexcept;
/// For this reference. The logins of docker count where no user is named.
Result<registry::ArtifactStoreConfig> store_config(const std::string& reference, const Arguments& arguments,
                                                   const Context& context);

}  // namespace weft::cli
