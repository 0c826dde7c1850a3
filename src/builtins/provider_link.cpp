// SPDX-License-Identifier: Apache-2.0
#include "builtins/provider_link.hpp"

#include <utility>

namespace weft::builtins {

SecretMap provider_secrets(wire::SecretMap secrets) {
  SecretMap map;
  for (auto& [name, secret] : secrets) {
    const bool is_text = secret.kind == wire::SecretValue::Kind::text;
    map.emplace(name,
                Secret{.kind = is_text ? Secret::Kind::text : Secret::Kind::bytes, .value = std::move(secret.value)});
  }
  return map;
}

ProviderLink provider_link(wire::LinkDefinition link, wire::SecretMap source_secrets, wire::SecretMap target_secrets) {
  return {.source = std::move(link.source_id),
          .target = std::move(link.target),
          .name = std::move(link.name),
          .wit_namespace = std::move(link.wit_namespace),
          .wit_package = std::move(link.wit_package),
          .interfaces = std::move(link.interfaces),
          .source_config = std::move(link.source_config),
          .target_config = std::move(link.target_config),
          .source_secrets = provider_secrets(std::move(source_secrets)),
          .target_secrets = provider_secrets(std::move(target_secrets))};
}

}  // namespace weft::builtins
