// SPDX-License-Identifier: Apache-2.0
#include "guest/export_name.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace weft::guest {
namespace {

const std::vector<std::string> kExports{"demo:maths/vectors@1.2.0",
                                        "demo:maths/sums@1.0.0",
                                        "demo:maths/sums@2.0.0",
                                        "demo:maths/plain",
                                        "demo:maths/both",
                                        "demo:maths/both@1.0.0",
                                        "scale"};

TEST(ExportNameTest, finds_the_only_version_of_an_interface) {
  EXPECT_EQ(*resolve_export("demo:maths/vectors#scale", kExports), "demo:maths/vectors@1.2.0#scale");
}

TEST(ExportNameTest, leaves_whole_names_alone) {
  for (const std::string name : {"demo:maths/vectors@1.2.0#scale", "demo:maths/sums@2.0.0#add", "demo:maths/plain#f",
                                 "demo:maths/both#f", "scale"}) {
    EXPECT_EQ(*resolve_export(name, kExports), name);
  }
}

TEST(ExportNameTest, leaves_what_it_does_not_know_to_the_engine) {
  for (const std::string name :
       {"demo:maths/vector#scale", "demo:maths/vectors@1.3.0#scale", "vectors#scale", "#", ""}) {
    EXPECT_EQ(*resolve_export(name, kExports), name);
  }
}

TEST(ExportNameTest, asks_which_of_several_versions_is_meant) {
  const auto refused = resolve_export("demo:maths/sums#add", kExports);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Errc::invalid_argument);
  EXPECT_NE(refused.error().hint().find("demo:maths/sums@1.0.0#add, demo:maths/sums@2.0.0#add"), std::string::npos)
      << refused.error().hint();
}

}  // namespace
}  // namespace weft::guest
