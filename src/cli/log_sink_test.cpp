// SPDX-License-Identifier: Apache-2.0
#include "cli/log_sink.hpp"

#include "cli/fake_world.hpp"

#include <gtest/gtest.h>

namespace weft::cli {
namespace {

const std::chrono::system_clock::time_point kTime{std::chrono::milliseconds(1'795'266'000'123)};

TEST(LogSinkTest, writes_time_level_component_and_line) {
  EXPECT_EQ(log_line_text(kTime, LogLevel::info, "hello", "a line", false),
            "2026-11-21T13:00:00.123Z info [hello] a line\n");
  EXPECT_EQ(log_line_text(kTime, LogLevel::error, "", "a line", false), "2026-11-21T13:00:00.123Z error a line\n");
  EXPECT_EQ(log_line_json(kTime, LogLevel::warning, "hello", "a \"line\""),
            "{\"time\":\"2026-11-21T13:00:00.123Z\",\"level\":\"warning\",\"component\":\"hello\",\"message\":\"a "
            "\\\"line\\\"\"}\n");
}

TEST(LogSinkTest, a_guest_cannot_forge_a_line_or_colour_the_terminal) {
  EXPECT_EQ(log_line_text(kTime, LogLevel::info, "x", "a\r2026 error \x1b[31m", false),
            "2026-11-21T13:00:00.123Z info [x] a\\x0d2026 error \\x1b[31m\n");
}

TEST(LogSinkTest, every_line_of_a_backtrace_has_its_head) {
  EXPECT_EQ(log_line_text(kTime, LogLevel::error, "x", "trap\n 0: f\n", false),
            "2026-11-21T13:00:00.123Z error [x] trap\n2026-11-21T13:00:00.123Z error [x]  0: f\n");
  EXPECT_EQ(log_line_text(kTime, LogLevel::error, "x", "", false), "2026-11-21T13:00:00.123Z error [x] \n");
}

TEST(LogSinkTest, drops_what_is_below_the_lowest_level) {
  FakeWorld world;
  const LogSink sink = make_log_sink(world.context, LogLevel::warning);
  sink(LogLevel::info, "a", "no");
  sink(LogLevel::warning, "a", "yes");
  EXPECT_EQ(world.console.err_text, "2026-11-21T13:00:00.123Z warning [a] yes\n");
}

}  // namespace
}  // namespace weft::cli
