// SPDX-License-Identifier: Apache-2.0
/// Signed claims: the JWT inside a component or a provider archive, their form in the store, and in claims.get.
/// Threads: pure functions; `now` is passed in. Limits: kMaxTokenBytes, kMaxWasmDepth.
/// Source: control-plane facts 3.14, 4.2, 5.3, 7.5, 7.6; the words of errors are those of live-host C14.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>
#include <weft/result.hpp>

#include "wire/nkey.hpp"

namespace weft::wire {

struct ComponentClaims {
  std::string jwt;  ///< as found; empty for claims from the store
  std::string subject;
  std::string issuer;
  std::string name;
  std::optional<std::string> call_alias;
  std::vector<std::string> tags;
  /// Of the binary without its tokens, as in sha256_text(). Only in claims from a token; signing computes it.
  std::string hash;
  std::string version;
  std::int32_t revision = 0;
  std::optional<std::int64_t> not_before;  ///< epoch seconds
  std::optional<std::int64_t> expires;
  std::int64_t issued_at = 0;  ///< epoch seconds. Only in claims from a token; signing takes that of its stamp.
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
  /// "x86_64-linux" or "world.wasm" -> hash as in sha256_text(). Only in claims from a token.
  std::map<std::string, std::string> target_hashes;
  std::optional<std::int64_t> not_before;
  std::optional<std::int64_t> expires;
  std::int64_t issued_at = 0;  ///< as in ComponentClaims
};

using Claims = std::variant<ComponentClaims, ProviderClaims>;

/// The claims embedded in a component, verified: signature, dates, module hash. Nothing: unsigned.
/// Errors: malformed, permission_denied (bad signature, bad hash, expired, not yet valid) with 1.9's words.
Result<std::optional<ComponentClaims>> extract_component_claims(std::string_view wasm,
                                                                std::chrono::system_clock::time_point now);

/// The claims of a provider archive's claims.jwt, verified like a component's: signature and dates. The caller compares
/// `target_hashes` with what the archive holds. (1.9 does not verify the signature; we do, as the facts recommend.)
Result<ProviderClaims> read_provider_claims(std::string_view token, std::chrono::system_clock::time_point now);

/// What tokens say, with nothing verified but their form: for a person who wants to see what is wrong with one.
Result<std::optional<ComponentClaims>> peek_component_claims(std::string_view wasm);
Result<ProviderClaims> peek_provider_claims(std::string_view token);

/// What a token says besides its claims.
struct TokenStamp {
  std::string token_id;        ///< `jti`: anything unique
  std::int64_t issued_at = 0;  ///< epoch seconds
};
/// A copy of `wasm` with a new token in place of those it had. `claims.issuer` and `claims.jwt` are not read.
Result<std::string> sign_component(std::string_view wasm, const ComponentClaims& claims, const TokenStamp& stamp,
                                   const KeyPair& issuer);
/// The token for an archive with these `target_hashes`.
Result<std::string> sign_provider_claims(const ProviderClaims& claims, const TokenStamp& stamp, const KeyPair& issuer);

/// The value of CLAIMS_{subject}, both directions.
std::string encode_stored_claims(const Claims& claims);
Result<Claims> decode_stored_claims(std::string_view json);
const std::string& claims_subject(const Claims& claims) noexcept;
/// The entry of these claims in the answer to claims.get.
std::map<std::string, std::string> claims_list_entry(const Claims& claims);

}  // namespace weft::wire
