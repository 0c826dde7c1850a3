// SPDX-License-Identifier: Apache-2.0
#include "host/provider_mark.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "base/temporary_folder.hpp"

namespace weft::host {
namespace {

TEST(ProviderMarkTest, stays_with_the_data_folder) {
  const testing_support::TemporaryFolder folder;
  const auto first = open_mark(folder.file("data"));
  ASSERT_TRUE(first) << first.error().to_string();
  EXPECT_FALSE(first->was_there);
  const auto second = open_mark(folder.file("data"));
  EXPECT_TRUE(second->was_there);
  EXPECT_EQ(second->text, first->text);
  EXPECT_NE(open_mark(folder.file("other"))->text, first->text);
}

TEST(ProviderMarkTest, one_that_was_damaged_would_be_that_of_strangers) {
  const testing_support::TemporaryFolder folder;
  const auto first = open_mark(folder.file("data"));
  for (const std::string& text : {std::string(), std::string("w"), first->text + "0", first->text.substr(1) + "/"}) {
    std::ofstream(folder.file("data/run/mark")) << text;
    const auto mark = open_mark(folder.file("data"));
    ASSERT_TRUE(mark);
    EXPECT_FALSE(mark->was_there) << text;
    EXPECT_EQ(mark->text.size(), first->text.size());
  }
}

TEST(ProviderMarkTest, a_host_that_keeps_nothing_has_a_new_one_each_time) {
  EXPECT_NE(open_mark("")->text, open_mark("")->text);
}

}  // namespace
}  // namespace weft::host
