// SPDX-License-Identifier: Apache-2.0
/// Claims as tokens of their own, in no file: of accounts and operators, and of a component or provider that gets its
/// token later. Threads: pure functions. Errors: unsupported (a curve key signs nothing), malformed.
/// Source: wash 0.43, `wash claims token`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>
#include <weft/result.hpp>

#include "wire/claims.hpp"

namespace weft::wire {

/// Of an account, or an operator.
struct SignerClaims {
  std::string subject;
  std::string name;
  std::vector<std::string> valid_signers;  ///< public keys that may sign for it too
  std::optional<std::int64_t> not_before;  ///< epoch seconds
  std::optional<std::int64_t> expires;
};

Result<std::string> sign_signer_claims(const SignerClaims& claims, const TokenStamp& stamp, const KeyPair& issuer);
/// The token that sign_component() puts into a file, for none: its hash is empty.
Result<std::string> sign_component_claims(const ComponentClaims& claims, const TokenStamp& stamp,
                                          const KeyPair& issuer);

}  // namespace weft::wire
