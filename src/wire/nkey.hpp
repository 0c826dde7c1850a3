// SPDX-License-Identifier: Apache-2.0
/// nkeys: the keys by which hosts, accounts, components and providers are known, as text that begins with a letter for
/// its kind. They sign with Ed25519; curve keys ("xkeys") seal with X25519 instead and sign nothing.
///
/// Randomness is passed in, so that everything here is a pure function of its arguments.
/// Ownership: a KeyPair owns its secret, moves, never copies, and wipes it when it dies. seed() makes a copy that the
/// caller has to guard.
/// Threads: plain values; const members from any thread.
/// Errors: malformed for text that is no key, unsupported to sign with a curve key, permission_denied for a signature
/// that does not fit. No message ever contains a seed or a part of one.
/// Source: control-plane facts 1.1.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <weft/result.hpp>

namespace weft::wire {

enum class KeyKind : std::uint8_t { server, account, module_, service, user, operator_, cluster, curve };

/// The letter a public key of this kind begins with: 'N' for a server.
char letter_of(KeyKind kind) noexcept;
/// For messages: "server".
std::string_view to_string(KeyKind kind) noexcept;

using KeyBytes = std::array<std::uint8_t, 32>;
using Signature = std::array<std::uint8_t, 64>;

inline constexpr std::size_t kPublicKeyLength = 56;
inline constexpr std::size_t kSeedLength = 58;

struct PublicKey {
  KeyKind kind = KeyKind::server;
  KeyBytes bytes{};

  /// 56 characters.
  [[nodiscard]] std::string text() const;
  bool operator==(const PublicKey&) const = default;
};

Result<PublicKey> parse_public_key(std::string_view text);
/// The same, and the key must be of this kind.
Result<PublicKey> parse_public_key(std::string_view text, KeyKind kind);

class KeyPair {
 public:
  /// `entropy`: 32 bytes that nobody else knows.
  static KeyPair from_entropy(KeyKind kind, std::span<const std::uint8_t, 32> entropy);
  static Result<KeyPair> from_seed(std::string_view seed);
  /// The same, and the key must be of this kind.
  static Result<KeyPair> from_seed(std::string_view seed, KeyKind kind);

  KeyPair(KeyPair&& other) noexcept;
  KeyPair& operator=(KeyPair&& other) noexcept;
  KeyPair(const KeyPair&) = delete;
  KeyPair& operator=(const KeyPair&) = delete;
  ~KeyPair();

  [[nodiscard]] KeyKind kind() const noexcept { return public_.kind; }
  [[nodiscard]] const PublicKey& public_key() const noexcept { return public_; }
  /// 56 characters, made once.
  [[nodiscard]] const std::string& public_text() const noexcept { return text_; }
  /// 58 characters: a secret.
  [[nodiscard]] std::string seed() const;
  [[nodiscard]] Result<Signature> sign(std::string_view message) const;
  /// The 32 secret bytes, for sealed boxes.
  [[nodiscard]] const KeyBytes& secret() const noexcept { return secret_; }

 private:
  KeyPair(KeyKind kind, std::span<const std::uint8_t, 32> secret);

  KeyBytes secret_{};
  PublicKey public_;
  std::string text_;
};

/// permission_denied: "signature is not valid".
Result<void> verify(const PublicKey& key, std::string_view message, std::span<const std::uint8_t> signature);

}  // namespace weft::wire
