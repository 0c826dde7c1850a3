// SPDX-License-Identifier: Apache-2.0
/// Signed claims: the JWT inside a component or a provider archive, their form in the store, and in claims.get.
/// Source: control-plane facts 3.14, 4.2, 5.3, 7.5, 7.6. Threads: pure functions; `now` is passed in.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>
#include <weft/result.hpp>

namespace weft::wire {

struct ComponentClaims {
  std::string jwt;  ///< as found; empty for claims from the store
  std::string subject;
  std::string issuer;
  std::string name;
  std::optional<std::string> call_alias;
  std::vector<std::string> tags;
  std::string version;
  std::int32_t revision = 0;
  std::optional<std::int64_t> not_before;  ///< epoch seconds
  std::optional<std::int64_t> expires;
};

struct ProviderClaims {
  std::string jwt;
  std::string subject;
  std::string issuer;
  std::string name;
  std::string vendor;
  std::string version;
  std::int32_t revision = 0;
  std::optional<std::string> config_schema;  ///< JSON text
  std::optional<std::int64_t> not_before;
  std::optional<std::int64_t> expires;
};

using Claims = std::variant<ComponentClaims, ProviderClaims>;

/// The claims embedded in a component, verified: signature, dates, module hash. Nothing: unsigned.
/// Errors: malformed, permission_denied (bad signature, bad hash, expired, not yet valid) with 1.9's words.
Result<std::optional<ComponentClaims>> extract_component_claims(std::string_view wasm,
                                                                std::chrono::system_clock::time_point now);

/// The value of CLAIMS_{subject}, both directions.
std::string encode_stored_claims(const Claims& claims);
Result<Claims> decode_stored_claims(std::string_view json);
const std::string& claims_subject(const Claims& claims) noexcept;

}  // namespace weft::wire
