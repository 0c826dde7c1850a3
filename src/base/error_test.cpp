// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <weft/error.hpp>

namespace weft {
namespace {

TEST(ErrorTest, says_message_and_hint_on_one_line) {
  const Error error(Errc::not_found, "cannot open hello.wasm", "check the path");
  EXPECT_EQ(error.to_string(), "cannot open hello.wasm: check the path");
}

TEST(ErrorTest, omits_an_empty_hint) { EXPECT_EQ(Error(Errc::io, "disk is full").to_string(), "disk is full"); }

TEST(ErrorTest, puts_the_outermost_operation_first) {
  const Error error = Error(Errc::io, "read failed").in("load the artifact").in("start hello");
  EXPECT_EQ(error.to_string(), "start hello: load the artifact: read failed");
  ASSERT_EQ(error.context().size(), 2U);
  EXPECT_EQ(error.context().front(), "load the artifact");
}

TEST(ErrorTest, keeps_detail_and_blame_out_of_the_line) {
  const Error error = Error(Errc::trap, "the guest trapped").with_detail("frame 0: spin").with_blame(Blame::guest);
  EXPECT_EQ(error.to_string(), "the guest trapped");
  EXPECT_EQ(error.detail(), "frame 0: spin");
  EXPECT_EQ(error.blame(), Blame::guest);
}

TEST(ErrcTest, every_code_has_its_own_name) {
  std::set<std::string_view> names;
  for (std::uint16_t number = 1; number <= 16; ++number) {
    names.insert(to_string(static_cast<Errc>(number)));
  }
  EXPECT_EQ(names.size(), 16U);
  EXPECT_FALSE(names.contains("unknown"));
}

TEST(ErrcTest, names_a_number_from_a_newer_host_unknown) { EXPECT_EQ(to_string(static_cast<Errc>(9999)), "unknown"); }

TEST(ErrcTest, numbers_that_cross_the_wire_never_change) {
  EXPECT_EQ(static_cast<int>(Errc::internal), 1);
  EXPECT_EQ(static_cast<int>(Errc::resource_exhausted), 9);
  EXPECT_EQ(static_cast<int>(Errc::type_mismatch), 16);
}

}  // namespace
}  // namespace weft
