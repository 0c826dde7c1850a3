// SPDX-License-Identifier: Apache-2.0
#include "host/builtin_providers.hpp"

#include "builtins/builtin_provider.hpp"
#include "builtins/http-client/http_client.hpp"
#include "builtins/http-server/http_server.hpp"
#include "builtins/keyvalue/keyvalue.hpp"

namespace weft::host {

builtins::ProviderRegistry builtin_providers() {
  return {{"http-client", builtins::make_http_client},
          {"http-server", builtins::make_http_server},
          {"keyvalue", builtins::provider_factory(builtins::keyvalue::factory())}};
}

}  // namespace weft::host
