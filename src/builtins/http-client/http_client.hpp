// SPDX-License-Identifier: Apache-2.0
/// The built-in provider "http-client": sends the HTTP requests of components to the servers they name. No list of
/// allowed destinations exists; a component needs a link to it.
/// Ownership, threads: see builtins/provider.hpp. Errors: invalid_argument (a configuration value that is not known),
/// not_found and malformed (the file of certificates).
/// Source: data-plane facts 5.3 (configuration keys, time-outs, errors).
#pragma once

#include "builtins/provider.hpp"
#include "web/client.hpp"

namespace weft::builtins {

/// What the configuration asks for. Unknown keys are somebody else's and passed over.
[[nodiscard]] Result<web::ClientConfig> parse_http_client_config(const ConfigMap& config);

[[nodiscard]] Result<std::unique_ptr<Provider>> make_http_client(ProviderContext context);

}  // namespace weft::builtins
