// SPDX-License-Identifier: Apache-2.0
#include "registry/claims_policy.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "wire/nkey.hpp"

namespace weft::registry {
namespace {

Result<void> check_issuer(const std::vector<std::string>& allowed, const std::string& issuer,
                          std::string_view reference) {
  if (allowed.empty() || std::ranges::find(allowed, issuer) != allowed.end()) return {};
  return Error(Errc::permission_denied, fmt::format("{} is signed by {}, who is not allowed here", reference, issuer),
               "have it signed by an allowed issuer, or allow this one with --allowed-issuer", Blame::operator_);
}

}  // namespace

Result<void> ClaimsPolicy::check(const std::optional<wire::ComponentClaims>& claims, std::string_view reference) const {
  if (claims) return check_issuer(allowed_issuers, claims->issuer, reference);
  if (!require_signed && allowed_issuers.empty()) return {};
  return Error(Errc::permission_denied, fmt::format("{} is not signed, and this host runs only what is", reference),
               "sign it with weft claims sign", Blame::operator_);
}

Result<void> ClaimsPolicy::check(const wire::ProviderClaims& claims, std::string_view reference) const {
  return check_issuer(allowed_issuers, claims.issuer, reference);
}

Result<void> check_policy(const ClaimsPolicy& policy) {
  for (const auto& issuer : policy.allowed_issuers) {
    if (wire::parse_public_key(issuer, wire::KeyKind::account)) continue;
    return Error(Errc::invalid_argument, fmt::format("'{}' is no account's public key", issuer),
                 "issuers begin with A and have 56 characters", Blame::operator_);
  }
  return {};
}

}  // namespace weft::registry
