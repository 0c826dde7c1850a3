// SPDX-License-Identifier: Apache-2.0
#include "wire/base64.hpp"

#include <gtest/gtest.h>

namespace weft::wire {
namespace {

TEST(Base64Test, has_the_letters_and_the_padding_of_its_form) {
  const std::string bytes = "\xfb\xff\xfe?";
  EXPECT_EQ(to_base64(bytes, Base64::standard), "+//+Pw==");
  EXPECT_EQ(to_base64(bytes, Base64::standard_unpadded), "+//+Pw");
  EXPECT_EQ(to_base64(bytes, Base64::url), "-__-Pw==");
  EXPECT_EQ(to_base64(bytes, Base64::url_unpadded), "-__-Pw");
}

TEST(Base64Test, what_is_encoded_comes_back) {
  for (const auto form : {Base64::standard, Base64::standard_unpadded, Base64::url, Base64::url_unpadded}) {
    for (const std::string bytes : {"", "f", "fo", "foo", "foob", "user:pass\xff"}) {
      EXPECT_EQ(from_base64(to_base64(bytes, form), form), bytes);
    }
  }
}

TEST(Base64Test, only_its_own_form_is_taken) {
  for (const std::string_view text :
       {"Zm9vYg", "Zm9vYg=", "Zm9v Yg==", "Zm9vYg==\n", "Zm9vYh==", "A===", "_-8=", "Zm9vYg\xbd\xbd"}) {
    EXPECT_EQ(from_base64(text, Base64::standard), std::nullopt) << text;
  }
  for (const std::string_view text : {"Zm9vYg==", "A", "+/8", "Zm9vYh"}) {
    EXPECT_EQ(from_base64(text, Base64::url_unpadded), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace weft::wire
