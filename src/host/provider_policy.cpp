// SPDX-License-Identifier: Apache-2.0
#include "host/provider_policy.hpp"

#include <unistd.h>

#include <string_view>
#include <utility>

#include "registry/file.hpp"
#include "wire/nats_credentials.hpp"

namespace weft::host {
namespace {

constexpr std::uint64_t kMaxCredentials = 65'536;

/// Of this process's environment: what providers of 1.9 are given, and nothing else.
std::map<std::string, std::string> inherited_environment() {
  std::map<std::string, std::string> inherited;
  for (char** at = environ; at != nullptr && *at != nullptr; ++at) {
    const std::string_view variable = *at;
    const auto equals = variable.find('=');
    const auto name = variable.substr(0, equals);
    if (equals != std::string_view::npos && (name == "RUST_LOG" || name.starts_with("OTEL_"))) {
      inherited.emplace(name, variable.substr(equals + 1));
    }
  }
  return inherited;
}

/// How processes reach the lattice. Errors: io, malformed (credentials that cannot be read).
Result<std::optional<RpcAccess>> rpc_access(const std::optional<NatsConfig>& nats) {
  if (!nats || nats->urls.empty()) {
    return std::optional<RpcAccess>();
  }
  RpcAccess access{.url = nats->urls.front(), .user_jwt = nats->user_jwt, .user_seed = nats->user_seed};
  if (!nats->credentials_file.empty()) {
    WEFT_TRY(const auto text, registry::read_file(nats->credentials_file, kMaxCredentials));
    WEFT_TRY(auto credentials, wire::read_nats_credentials(text));
    access.user_jwt = std::move(credentials.jwt);
    access.user_seed = std::move(credentials.seed);
  }
  return std::optional(std::move(access));
}

}  // namespace

Result<ProviderPolicy> provider_policy(const LatticeConfig& config) {
  ProviderPolicy policy;
  policy.builtins.data_dir = config.data_dir;
  policy.lattice = config.lattice;
  WEFT_TRY(policy.access, rpc_access(config.rpc_nats ? config.rpc_nats : config.nats));
  policy.environment = inherited_environment();
  policy.processes = config.provider_processes;
  return policy;
}

}  // namespace weft::host
