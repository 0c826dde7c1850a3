// SPDX-License-Identifier: Apache-2.0
/// JSON web tokens as wasmCloud signs them: three base64url segments, Ed25519, keys named by nkeys in `iss` and `sub`.
/// No list of trusted issuers exists: the `iss` key itself verifies, and trust is a policy service's matter.
///
/// Threads: pure functions. Errors: malformed for what is no such token, permission_denied "signature is not valid".
/// Limits: kMaxTokenBytes. Source: control-plane facts 1.3, 7.5.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>
#include <weft/result.hpp>

#include "wire/nkey.hpp"

namespace weft::wire {

inline constexpr std::size_t kMaxTokenBytes = std::size_t{1024} * 1024;

/// A token taken apart; nothing in it is believed yet.
struct TokenParts {
  std::string header;   ///< JSON text
  std::string payload;  ///< JSON text
  std::string signed_text;
  std::vector<std::uint8_t> signature;
};

Result<TokenParts> split_token(std::string_view token);
/// That the header is {"typ":"jwt","alg":"Ed25519"}, and that `issuer` is a key whose signature this is.
Result<void> verify_token(const TokenParts& parts, std::string_view issuer);
/// `payload`: JSON text whose `iss` is the issuer's key. Errors: unsupported when the issuer is a curve key.
Result<std::string> sign_token(std::string_view payload, const KeyPair& issuer);

/// What a host says of itself to secrets backends.
struct HostToken {
  std::string token_id;        ///< `jti`: anything unique
  std::int64_t issued_at = 0;  ///< epoch seconds
  std::string host_id;
  std::string friendly_name;
};
/// `account`: a key made for this token alone.
Result<std::string> sign_host_token(const HostToken& token, const KeyPair& account);

}  // namespace weft::wire
