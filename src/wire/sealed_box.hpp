// SPDX-License-Identifier: Apache-2.0
/// Secrets between two curve keys: how backends send them to hosts, and hosts to providers.
///
/// The form is `xkv1`, a nonce of 24 bytes, then NaCl's crypto_box (X25519, XSalsa20, Poly1305).
/// Threads: pure functions; the nonce is passed in and must never be used twice between the same keys.
/// Errors: invalid_argument for a key that is no curve key, permission_denied for what does not open.
/// Source: control-plane facts 9.5.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <weft/result.hpp>

#include "wire/nkey.hpp"

namespace weft::wire {

inline constexpr std::size_t kNonceBytes = 24;

Result<std::string> seal(std::string_view text, const KeyPair& sender, const PublicKey& recipient,
                         std::span<const std::uint8_t, kNonceBytes> nonce);
Result<std::string> open_sealed(std::string_view sealed, const KeyPair& recipient, const PublicKey& sender);

}  // namespace weft::wire
