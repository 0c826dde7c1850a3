// SPDX-License-Identifier: Apache-2.0
#include "builtins/logging/logging_target.hpp"

#include <gtest/gtest.h>

#include <mutex>

#include "builtins/fake_caller.hpp"

namespace weft::builtins {
namespace {

class LoggingTargetTest : public testing::Test {
 protected:
  void log(std::uint32_t level, std::string_view context, std::string_view message,
           std::string_view interface = "wasi:logging/logging@0.1.0-draft") {
    const auto logged = caller.call<std::monostate>(*target, interface, "log", level, context, message);
    EXPECT_TRUE(logged) << logged.error().to_string();
  }

  std::vector<std::tuple<LogLevel, std::string, std::string>> lines;
  FakeCaller caller;
  std::shared_ptr<dispatch::Target> target =
      make_logging_target("shop", 2, [this](LogLevel level, std::string_view component, std::string_view line) {
        lines.emplace_back(level, component, line);
      });
};

using Line = std::tuple<LogLevel, std::string, std::string>;

TEST_F(LoggingTargetTest, a_record_has_component_level_and_context) {
  log(2, "cart", "added");
  EXPECT_EQ(lines, std::vector{Line(LogLevel::info, "shop", "cart: added")});
}

TEST_F(LoggingTargetTest, serves_the_interface_without_a_version_too) {
  log(3, "", "low", "wasi:logging/logging");
  EXPECT_EQ(lines, std::vector{Line(LogLevel::warning, "shop", "low")});
}

TEST_F(LoggingTargetTest, six_levels_become_four_and_keep_their_names) {
  for (std::uint32_t level = 0; level < 6; ++level) log(level, "", "x");
  EXPECT_EQ(lines, (std::vector{Line(LogLevel::debug, "shop", "[trace] x"), Line(LogLevel::debug, "shop", "x"),
                                Line(LogLevel::info, "shop", "x"), Line(LogLevel::warning, "shop", "x"),
                                Line(LogLevel::error, "shop", "x"), Line(LogLevel::error, "shop", "[critical] x")}));
  EXPECT_EQ(
      caller.call<std::monostate>(*target, "wasi:logging/logging", "log", std::uint32_t{6}, "", "x").error().code(),
      Errc::malformed);
}

TEST_F(LoggingTargetTest, no_message_forges_a_line) {
  log(2, "c\nd", "one\r\ntwo\n\nfour");
  ASSERT_EQ(lines.size(), 4U);
  EXPECT_EQ(std::get<2>(lines[0]), "c d: one");
  EXPECT_EQ(std::get<2>(lines[1]), "c d: two");
  EXPECT_EQ(std::get<2>(lines[2]), "c d: ");
  EXPECT_EQ(std::get<2>(lines[3]), "c d: four");
}

TEST_F(LoggingTargetTest, a_record_that_is_too_long_is_cut_and_says_so) {
  log(2, "", std::string(kMaxRecordBytes - 1, 'x') + "\u00e9z");
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(std::get<2>(lines[0]).size(), kMaxRecordBytes - 1) << "not inside a character";
  EXPECT_EQ(std::get<2>(lines[1]), "(3 bytes cut)");
  lines.clear();
  log(2, "", std::string(2000, '\n'));
  EXPECT_EQ(lines.size(), kMaxRecordLines + 1);
}

}  // namespace
}  // namespace weft::builtins
