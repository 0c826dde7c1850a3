// SPDX-License-Identifier: Apache-2.0
// Any text as a public key and as a seed, and any 32 bytes as entropy. What parses must be written the same again, one
// character more or less must not parse, and no error may repeat a seed.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "wire/nkey.hpp"
#include "wire/sealed_box.hpp"

namespace {

using namespace weft;
using namespace weft::wire;

void insist(bool condition) {
  if (!condition) std::abort();
}

void check_text(std::string_view text) {
  if (const auto key = parse_public_key(text)) {
    insist(key->text() == text);
  } else {
    insist(key.error().code() == Errc::malformed);
  }
  if (const auto pair = KeyPair::from_seed(text)) {
    insist(pair->seed() == text);
  } else {
    // Long runs of the alphabet of seeds stand in no message of ours.
    const auto could_be_secret = [](char c) { return (c >= 'A' && c <= 'Z') || (c >= '2' && c <= '7'); };
    const bool may_appear = text.size() < 8 || !std::ranges::all_of(text, could_be_secret);
    insist(may_appear || !pair.error().to_string().contains(text));
  }
}

void check_pair(KeyKind kind, const KeyBytes& entropy, std::string_view message) {
  const auto pair = KeyPair::from_entropy(kind, entropy);
  check_text(pair.public_text());
  check_text(pair.seed());
  insist(!KeyPair::from_seed(pair.seed().substr(1)) && !KeyPair::from_seed(pair.seed() + "A"));
  const auto signature = pair.sign(message);
  insist(static_cast<bool>(signature) == (kind != KeyKind::curve));
  if (signature) {
    insist(static_cast<bool>(verify(pair.public_key(), message, *signature)));
    insist(!verify(pair.public_key(), std::string(message) + "x", *signature));
    return;
  }
  static_cast<void>(open_sealed(message, pair, pair.public_key()));
  const auto sealed = seal(message, pair, pair.public_key(), std::array<std::uint8_t, kNonceBytes>{});
  insist(sealed && *open_sealed(*sealed, pair, pair.public_key()) == message);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check_text(text);
  if (size < 33) return 0;
  KeyBytes entropy{};
  std::copy_n(data + 1, entropy.size(), entropy.begin());
  check_pair(static_cast<KeyKind>(data[0] % 8), entropy, text.substr(33));
  return 0;
}
