// SPDX-License-Identifier: Apache-2.0
#include "wire/sha256.hpp"

#include <gtest/gtest.h>

#include "wire/wasm_token.hpp"

namespace weft::wire {
namespace {

// FIPS 180-2, appendix B.1 and B.2.
TEST(Sha256Test, hashes_the_examples_of_the_standard) {
  EXPECT_EQ(lower_hex(sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(lower_hex(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

TEST(Sha256Test, does_not_care_how_the_bytes_come) {
  Sha256 hash;
  hash.update("");
  hash.update("a");
  Sha256 copy = hash;
  hash.update("bc");
  copy.update("bc");
  EXPECT_EQ(upper_hex(hash.finish()), sha256_text("abc"));
  EXPECT_EQ(upper_hex(copy.finish()), sha256_text("abc"));
}

}  // namespace
}  // namespace weft::wire
