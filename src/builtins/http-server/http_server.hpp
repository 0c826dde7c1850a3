// SPDX-License-Identifier: Apache-2.0
/// The built-in provider `wasmcloud+builtin://http-server`: components of this host on HTTP ports, many on one. Each
/// link from it to a component is a site: an address of its own, or a path or a host at the provider's one address.
///
/// Each request is routed on the shard where it arrived, by the link as it is at that moment; a component that is
/// updated, or a link that changes, takes effect with the next request, and requests that run end where they began.
/// Threads: as Provider has it; put_link(), delete_link() and stop() may block for as long as running requests are
/// waited for. Errors: invalid_argument (a key), already_exists (a place that another link has; names it), io and
/// permission_denied (an address), unsupported (TLS, and what cannot change while it runs), unavailable (stopped).
/// Limits: a change of links in path or host mode costs time in proportion to their number (100: some 20 us).
/// Source: data-plane facts 5.2, and 5.5 for the settings beyond it.
#pragma once

#include <weft/result.hpp>

#include <memory>

#include "builtins/provider.hpp"

namespace weft::builtins {

Result<std::unique_ptr<Provider>> make_http_server(ProviderContext context);

}  // namespace weft::builtins
