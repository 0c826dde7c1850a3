// SPDX-License-Identifier: Apache-2.0
#include "wire/nkey.hpp"

#include <fmt/format.h>
#include <sodium.h>

#include <algorithm>
#include <optional>
#include <utility>

namespace weft::wire {
namespace {

struct KindRow {
  KeyKind kind;
  std::uint8_t prefix;
  char letter;
  std::string_view name;
};

constexpr std::array kKinds = {
    KindRow{KeyKind::server, 13 << 3, 'N', "server"},  KindRow{KeyKind::account, 0, 'A', "account"},
    KindRow{KeyKind::module_, 12 << 3, 'M', "module"}, KindRow{KeyKind::service, 21 << 3, 'V', "service"},
    KindRow{KeyKind::user, 20 << 3, 'U', "user"},      KindRow{KeyKind::operator_, 14 << 3, 'O', "operator"},
    KindRow{KeyKind::cluster, 2 << 3, 'C', "cluster"}, KindRow{KeyKind::curve, 23 << 3, 'X', "curve"},
};

constexpr std::uint8_t kSeedPrefix = 18 << 3;
constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
constexpr std::size_t kChecksumBytes = 2;
constexpr std::size_t kMaxRawBytes = 36;  // a seed: two bytes of prefix, the secret, the checksum

/// Bytes of a key text, wiped when they die: they may be a seed.
struct RawKey {
  std::array<std::uint8_t, kMaxRawBytes> bytes{};
  std::size_t size = 0;

  RawKey() = default;
  RawKey(RawKey&&) = default;
  RawKey& operator=(RawKey&&) = default;
  RawKey(const RawKey&) = delete;
  RawKey& operator=(const RawKey&) = delete;
  ~RawKey() { sodium_memzero(bytes.data(), bytes.size()); }

  void push(std::uint8_t byte) { bytes.at(size++) = byte; }
  [[nodiscard]] std::span<const std::uint8_t> view() const { return std::span(bytes).first(size); }
};

const KindRow& row_of(KeyKind kind) noexcept { return *std::ranges::find(kKinds, kind, &KindRow::kind); }

std::optional<KeyKind> kind_of_prefix(unsigned prefix) noexcept {
  const auto row = std::ranges::find(kKinds, prefix, &KindRow::prefix);
  if (row == kKinds.end()) return std::nullopt;
  return row->kind;
}

/// CRC-16/XMODEM: polynomial 0x1021, nothing reflected, begins with 0.
std::uint16_t checksum_of(std::span<const std::uint8_t> bytes) noexcept {
  unsigned crc = 0;
  for (const auto byte : bytes) {
    crc ^= static_cast<unsigned>(byte) << 8;
    for (int bit = 0; bit < 8; ++bit) crc = ((crc & 0x8000U) != 0 ? (crc << 1) ^ 0x1021U : crc << 1) & 0xFFFFU;
  }
  return static_cast<std::uint16_t>(crc);
}

/// RFC 4648 base32 without padding.
std::string to_base32(std::span<const std::uint8_t> bytes) {
  std::string text;
  text.reserve((bytes.size() * 8 + 4) / 5);
  unsigned pending = 0;
  unsigned bits = 0;
  for (const auto byte : bytes) {
    pending = (pending << 8) | byte;
    for (bits += 8; bits >= 5; bits -= 5) text += kAlphabet[(pending >> (bits - 5)) & 31U];
    pending &= 31U;
  }
  if (bits > 0) text += kAlphabet[(pending << (5 - bits)) & 31U];
  return text;
}

/// Of a text of at most kSeedLength characters. Nothing: a foreign character, or bits set after the last byte.
std::optional<RawKey> from_base32(std::string_view text) {
  RawKey raw;
  unsigned pending = 0;
  unsigned bits = 0;
  for (const char c : text) {
    const auto value = kAlphabet.find(c);
    if (value == std::string_view::npos) return std::nullopt;
    pending = (pending << 5) | static_cast<unsigned>(value);
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    raw.push(static_cast<std::uint8_t>(pending >> bits));
    pending &= (1U << bits) - 1;
  }
  if (pending != 0) return std::nullopt;
  return raw;
}

/// Prefix, key and checksum as text.
std::string text_of(std::span<const std::uint8_t> prefix, std::span<const std::uint8_t> key) {
  RawKey raw;
  for (const auto byte : prefix) raw.push(byte);
  for (const auto byte : key) raw.push(byte);
  const auto checksum = checksum_of(raw.view());
  raw.push(static_cast<std::uint8_t>(checksum & 0xFFU));
  raw.push(static_cast<std::uint8_t>(checksum >> 8));
  return to_base32(raw.view());
}

Error bad_key(std::string_view what, std::string_view fault, std::string_view hint) {
  return Error{Errc::malformed, fmt::format("{} {}", what, fault), std::string(hint), Blame::operator_};
}

/// The bytes before a checksum that fits.
Result<RawKey> decode_checked(std::string_view text, std::string_view what, std::size_t length) {
  if (text.size() != length) {
    return bad_key(what, fmt::format("has {} characters and not {}", text.size(), length), "is it cut, or quoted?");
  }
  auto raw = from_base32(text);
  if (!raw) return bad_key(what, "has a character that no key has", "keys consist of A-Z and 2-7");
  raw->size -= kChecksumBytes;
  const auto checksum = checksum_of(raw->view());
  if (raw->bytes.at(raw->size) != (checksum & 0xFFU) || raw->bytes.at(raw->size + 1) != checksum >> 8) {
    return bad_key(what, "does not fit its checksum", "is it mistyped?");
  }
  return std::move(*raw);
}

Error wrong_kind(std::string_view what, KeyKind is, KeyKind wanted) {
  return bad_key(what,
                 fmt::format("is of the kind {} ({}) and not {} ({})", to_string(is), letter_of(is), to_string(wanted),
                             letter_of(wanted)),
                 "");
}

void wipe(KeyBytes& bytes) noexcept { sodium_memzero(bytes.data(), bytes.size()); }

/// libsodium picks its fastest code here; it may be called again and from any thread.
void initialise() noexcept {
  static const int result = sodium_init();
  static_cast<void>(result);
}

const unsigned char* bytes_of(std::string_view text) noexcept {
  return reinterpret_cast<const unsigned char*>(text.data());
}

}  // namespace

char letter_of(KeyKind kind) noexcept { return row_of(kind).letter; }

std::string_view to_string(KeyKind kind) noexcept { return row_of(kind).name; }

std::string PublicKey::text() const {
  const std::array prefix{row_of(kind).prefix};
  return text_of(prefix, bytes);
}

Result<PublicKey> parse_public_key(std::string_view text) {
  constexpr std::string_view what = "the public key";
  if (text.size() == kSeedLength && text.starts_with('S')) {
    return bad_key(what, "is a seed", "a seed is a secret; give the public key that belongs to it");
  }
  WEFT_TRY(const auto raw, decode_checked(text, what, kPublicKeyLength));
  const auto kind = kind_of_prefix(raw.bytes[0]);
  if (!kind) return bad_key(what, "is of a kind that is not known", "");
  PublicKey key{*kind, {}};
  std::ranges::copy(raw.view().subspan(1), key.bytes.begin());
  return key;
}

Result<PublicKey> parse_public_key(std::string_view text, KeyKind kind) {
  WEFT_TRY(auto key, parse_public_key(text));
  if (key.kind != kind) return wrong_kind("the public key", key.kind, kind);
  return key;
}

KeyPair::KeyPair(KeyKind kind, std::span<const std::uint8_t, 32> secret) {
  initialise();
  std::ranges::copy(secret, secret_.begin());
  public_.kind = kind;
  if (kind == KeyKind::curve) {
    crypto_scalarmult_base(public_.bytes.data(), secret_.data());
  } else {
    Signature expanded{};  // the seed, then the public key: libsodium's form of a secret
    crypto_sign_seed_keypair(public_.bytes.data(), expanded.data(), secret_.data());
    sodium_memzero(expanded.data(), expanded.size());
  }
  text_ = public_.text();
}

KeyPair KeyPair::from_entropy(KeyKind kind, std::span<const std::uint8_t, 32> entropy) { return {kind, entropy}; }

Result<KeyPair> KeyPair::from_seed(std::string_view seed) {
  constexpr std::string_view what = "the seed";
  if (seed.size() == kPublicKeyLength && !seed.starts_with('S')) {
    return bad_key(what, "looks like a public key", "seeds begin with S and have 58 characters");
  }
  WEFT_TRY(const auto raw, decode_checked(seed, what, kSeedLength));
  if ((raw.bytes[0] & 0xF8U) != kSeedPrefix) return bad_key(what, "is no seed", "seeds begin with S");
  const unsigned prefix = ((raw.bytes[0] & 7U) << 5) | (raw.bytes[1] >> 3);
  const auto kind = kind_of_prefix(prefix);
  if (!kind || (raw.bytes[1] & 7U) != 0) return bad_key(what, "is of a kind that is not known", "");
  return KeyPair(*kind, std::span<const std::uint8_t, 32>(raw.bytes.data() + 2, 32));
}

Result<KeyPair> KeyPair::from_seed(std::string_view seed, KeyKind kind) {
  WEFT_TRY(auto pair, from_seed(seed));
  if (pair.kind() != kind) return wrong_kind("the seed", pair.kind(), kind);
  return pair;
}

KeyPair::KeyPair(KeyPair&& other) noexcept
    : secret_(other.secret_), public_(other.public_), text_(std::move(other.text_)) {
  wipe(other.secret_);
}

KeyPair& KeyPair::operator=(KeyPair&& other) noexcept {
  if (this == &other) return *this;
  secret_ = other.secret_;
  public_ = other.public_;
  text_ = std::move(other.text_);
  wipe(other.secret_);
  return *this;
}

KeyPair::~KeyPair() { wipe(secret_); }

std::string KeyPair::seed() const {
  const unsigned prefix = row_of(kind()).prefix;
  const std::array bytes{static_cast<std::uint8_t>(kSeedPrefix | (prefix >> 5)),
                         static_cast<std::uint8_t>((prefix & 31U) << 3)};
  return text_of(bytes, secret_);
}

Result<Signature> KeyPair::sign(std::string_view message) const {
  if (kind() == KeyKind::curve) return Error{Errc::unsupported, "a curve key cannot sign"};
  Signature expanded{};
  std::ranges::copy(secret_, expanded.begin());
  std::ranges::copy(public_.bytes, expanded.begin() + secret_.size());
  Signature signature{};
  crypto_sign_detached(signature.data(), nullptr, bytes_of(message), message.size(), expanded.data());
  sodium_memzero(expanded.data(), expanded.size());
  return signature;
}

Result<void> verify(const PublicKey& key, std::string_view message, std::span<const std::uint8_t> signature) {
  initialise();
  const bool fits =
      key.kind != KeyKind::curve && signature.size() == crypto_sign_BYTES &&
      crypto_sign_verify_detached(signature.data(), bytes_of(message), message.size(), key.bytes.data()) == 0;
  if (!fits) return Error{Errc::permission_denied, "signature is not valid", {}, Blame::peer};
  return {};
}

}  // namespace weft::wire
