// SPDX-License-Identifier: Apache-2.0
#include "wire/nkey.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace weft::wire {
namespace {

using enum KeyKind;

template <std::size_t kSize>
std::array<std::uint8_t, kSize> from_hex(std::string_view hex) {
  std::array<std::uint8_t, kSize> bytes{};
  const auto digit = [](char c) { return static_cast<unsigned>(c <= '9' ? c - '0' : c - 'a' + 10); };
  for (std::size_t i = 0; i < kSize; ++i) {
    bytes[i] = static_cast<std::uint8_t>((digit(hex[2 * i]) << 4) | digit(hex[(2 * i) + 1]));
  }
  return bytes;
}

KeyBytes entropy_of(std::uint8_t first) {
  KeyBytes bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(first + i);
  return bytes;
}

// The pair of the NATS documentation, "Running a NATS service: nkeys".
constexpr std::string_view kUserSeed = "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY";
constexpr std::string_view kUserKey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4";

TEST(NkeyTest, derives_the_documented_public_key_from_its_seed) {
  const auto pair = KeyPair::from_seed(kUserSeed);
  ASSERT_TRUE(pair);
  EXPECT_EQ(pair->kind(), user);
  EXPECT_EQ(pair->public_text(), kUserKey);
  EXPECT_EQ(pair->seed(), kUserSeed);
}

TEST(NkeyTest, signs_as_rfc_8032_says) {
  const auto secret = from_hex<32>("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
  const auto pair = KeyPair::from_entropy(account, secret);
  EXPECT_EQ(pair.public_key().bytes, from_hex<32>("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"));
  const auto signature = pair.sign("");
  ASSERT_TRUE(signature);
  EXPECT_EQ(*signature, from_hex<64>("e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
                                     "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"));
}

TEST(NkeyTest, derives_curve_keys_as_rfc_7748_says) {
  const auto bob = from_hex<32>("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
  const auto pair = KeyPair::from_entropy(curve, bob);
  EXPECT_EQ(pair.public_key().bytes, from_hex<32>("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"));
  EXPECT_EQ(pair.public_text().front(), 'X');
  EXPECT_TRUE(pair.seed().starts_with("SX"));
  EXPECT_EQ(pair.sign("a").error().code(), Errc::unsupported);
}

TEST(NkeyTest, goes_to_text_and_back_for_every_kind) {
  for (const auto kind : {server, account, module_, service, user, operator_, cluster, curve}) {
    const auto pair = KeyPair::from_entropy(kind, entropy_of(static_cast<std::uint8_t>(kind)));
    EXPECT_EQ(pair.public_text().size(), kPublicKeyLength);
    EXPECT_EQ(pair.public_text().front(), letter_of(kind));
    const auto seed = pair.seed();
    EXPECT_EQ(seed.size(), kSeedLength);
    EXPECT_EQ(seed.substr(0, 2), std::string("S") + letter_of(kind));
    const auto again = KeyPair::from_seed(seed, kind);
    ASSERT_TRUE(again) << again.error().to_string();
    EXPECT_EQ(again->public_text(), pair.public_text());
    const auto key = parse_public_key(pair.public_text(), kind);
    ASSERT_TRUE(key);
    EXPECT_EQ(*key, pair.public_key());
    EXPECT_EQ(key->text(), pair.public_text());
  }
}

TEST(NkeyTest, verifies_what_it_signed_and_nothing_else) {
  const auto pair = KeyPair::from_entropy(server, entropy_of(1));
  auto signature = *pair.sign("message");
  EXPECT_TRUE(verify(pair.public_key(), "message", signature));
  EXPECT_FALSE(verify(pair.public_key(), "Message", signature));
  EXPECT_FALSE(verify(KeyPair::from_entropy(server, entropy_of(2)).public_key(), "message", signature));
  EXPECT_FALSE(verify(pair.public_key(), "message", std::span(signature).first(63)));
  EXPECT_FALSE(verify(pair.public_key(), "message", {}));
  signature[0] ^= 1U;
  const auto refused = verify(pair.public_key(), "message", signature);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Errc::permission_denied);
  EXPECT_EQ(refused.error().message(), "signature is not valid");
}

TEST(NkeyTest, notices_every_changed_character) {
  const std::string seed(kUserSeed), key(kUserKey);
  for (std::size_t at = 0; at < seed.size(); ++at) {
    auto changed = seed;
    changed[at] = changed[at] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(KeyPair::from_seed(changed)) << at;
  }
  for (std::size_t at = 0; at < key.size(); ++at) {
    auto changed = key;
    changed[at] = changed[at] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(parse_public_key(changed)) << at;
  }
}

TEST(NkeyTest, says_what_is_wrong_and_never_shows_the_seed) {
  const std::string seed(kUserSeed);
  auto lower = seed;
  std::ranges::transform(lower, lower.begin(), [](char c) { return c >= 'A' ? static_cast<char>(c | 0x20) : c; });
  auto mistyped = seed;
  mistyped[20] = 'A';
  for (const auto& [text, fault] :
       std::vector<std::pair<std::string, std::string>>{{seed.substr(1), "the seed has 57 characters and not 58"},
                                                        {"", "the seed has 0 characters and not 58"},
                                                        {lower, "the seed has a character that no key has"},
                                                        {mistyped, "the seed does not fit its checksum"},
                                                        {std::string(kUserKey), "the seed looks like a public key"}}) {
    const auto pair = KeyPair::from_seed(text);
    ASSERT_FALSE(pair);
    EXPECT_EQ(pair.error().code(), Errc::malformed);
    EXPECT_EQ(pair.error().message(), fault);
    EXPECT_FALSE(pair.error().to_string().contains(seed.substr(10, 8)));
  }
  EXPECT_EQ(KeyPair::from_seed(seed, server).error().message(), "the seed is of the kind user (U) and not server (N)");
  const auto key = parse_public_key(seed);
  ASSERT_FALSE(key);
  EXPECT_EQ(key.error().message(), "the public key is a seed");
  EXPECT_FALSE(key.error().to_string().contains(seed.substr(10, 8)));
  EXPECT_EQ(parse_public_key(kUserKey, account).error().message(),
            "the public key is of the kind user (U) and not account (A)");
}

TEST(NkeyTest, wipes_the_secret_that_was_moved_away) {
  auto pair = KeyPair::from_entropy(server, entropy_of(1));
  const auto moved = std::move(pair);
  EXPECT_EQ(pair.secret(), KeyBytes{});  // NOLINT(bugprone-use-after-move): that is what this test looks at
  EXPECT_EQ(moved.secret(), entropy_of(1));
}

}  // namespace
}  // namespace weft::wire
