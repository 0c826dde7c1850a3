// SPDX-License-Identifier: Apache-2.0
#include "wire/sealed_box.hpp"

#include <gtest/gtest.h>

namespace weft::wire {
namespace {

/// Not in the first byte: X25519 ignores the low bits of that.
KeyPair curve_pair(std::uint8_t number) { return KeyPair::from_entropy(KeyKind::curve, KeyBytes{0, number}); }
const std::array<std::uint8_t, kNonceBytes> kNonce{1, 2, 3};

TEST(SealedBoxTest, opens_what_was_sealed_for_it) {
  const auto host = curve_pair(1), provider = curve_pair(2);
  for (const std::string text : {"", "s3cr3t"}) {
    const auto sealed = seal(text, host, provider.public_key(), kNonce);
    ASSERT_TRUE(sealed);
    EXPECT_TRUE(sealed->starts_with(std::string_view("xkv1\1\2\3\0", 8)));
    EXPECT_EQ(sealed->size(), 4 + 24 + 16 + text.size());
    EXPECT_EQ(open_sealed(*sealed, provider, host.public_key()).operator*(), text);
  }
}

TEST(SealedBoxTest, opens_nothing_else) {
  const auto host = curve_pair(1), provider = curve_pair(2), stranger = curve_pair(3);
  auto sealed = *seal("s3cr3t", host, provider.public_key(), kNonce);
  EXPECT_FALSE(open_sealed(sealed, stranger, host.public_key()));
  EXPECT_FALSE(open_sealed(sealed, provider, stranger.public_key()));
  for (std::size_t size = 0; size < sealed.size(); ++size) {
    EXPECT_FALSE(open_sealed(sealed.substr(0, size), provider, host.public_key()));
  }
  for (auto& byte : sealed) {
    byte = static_cast<char>(byte ^ 1);
    const auto opened = open_sealed(sealed, provider, host.public_key());
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code(), Errc::permission_denied);
    byte = static_cast<char>(byte ^ 1);
  }
}

TEST(SealedBoxTest, needs_curve_keys_of_order) {
  const auto server = KeyPair::from_entropy(KeyKind::server, KeyBytes{1});
  EXPECT_EQ(seal("", server, curve_pair(1).public_key(), kNonce).error().code(), Errc::invalid_argument);
  EXPECT_EQ(seal("", curve_pair(1), server.public_key(), kNonce).error().code(), Errc::invalid_argument);
  EXPECT_FALSE(seal("", curve_pair(1), PublicKey{KeyKind::curve, {}}, kNonce)) << "the point zero";
}

}  // namespace
}  // namespace weft::wire
