// SPDX-License-Identifier: Apache-2.0
#include "registry/late_library.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace weft::registry {
namespace {

using Cosine = double(double);

TEST(LateLibraryTest, finds_what_a_library_has) {
  const auto library = LateLibrary::load("libm.so.6", "libc6");
  ASSERT_TRUE(library) << library.error().to_string();
  Cosine* cosine = nullptr;
  ASSERT_TRUE(library->find("cos", cosine));
  EXPECT_EQ(cosine(0.5), std::cos(0.5));
}

TEST(LateLibraryTest, says_what_to_install_when_it_is_not_there) {
  const auto library = LateLibrary::load("libno-such-thing.so.1", "libno-such-thing1");
  ASSERT_FALSE(library);
  EXPECT_EQ(library.error().code(), Errc::unavailable);
  EXPECT_EQ(library.error().blame(), Blame::environment);
  EXPECT_NE(library.error().message().find("libno-such-thing.so.1"), std::string::npos);
  EXPECT_NE(library.error().hint().find("apt-get install libno-such-thing1"), std::string::npos);
}

TEST(LateLibraryTest, refuses_a_library_that_lacks_a_function) {
  const auto library = LateLibrary::load("libm.so.6", "libc6");
  ASSERT_TRUE(library);
  Cosine* none = nullptr;
  const auto found = library->find("no_such_function", none);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code(), Errc::unavailable);
  EXPECT_NE(found.error().message().find("no_such_function"), std::string::npos);
  EXPECT_EQ(none, nullptr);
}

}  // namespace
}  // namespace weft::registry
