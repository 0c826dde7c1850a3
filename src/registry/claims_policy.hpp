// SPDX-License-Identifier: Apache-2.0
/// Whose components and providers a host runs. wasmCloud leaves that to a policy service; a host that is told so here
/// refuses by itself.
/// Threads: a plain value. Errors: permission_denied (blame: operator).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>
#include <weft/result.hpp>

#include "wire/claims.hpp"

namespace weft::registry {

struct ClaimsPolicy {
  bool require_signed = false;  ///< refuse components without claims; providers always have them
  /// Account keys ("A..."); empty: anybody's. If there are some, nothing unsigned runs either: leaving the signature
  /// off would be a way around the list.
  std::vector<std::string> allowed_issuers;

  /// `reference`: for the message. Nothing: the component is not signed.
  [[nodiscard]] Result<void> check(const std::optional<wire::ComponentClaims>& claims,
                                   std::string_view reference) const;
  [[nodiscard]] Result<void> check(const wire::ProviderClaims& claims, std::string_view reference) const;
};

/// invalid_argument when an issuer is no account key.
Result<void> check_policy(const ClaimsPolicy& policy);

}  // namespace weft::registry
