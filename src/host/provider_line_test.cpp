// SPDX-License-Identifier: Apache-2.0
#include "host/provider_line.hpp"

#include <gtest/gtest.h>

namespace weft::host {
namespace {

TEST(ProviderLineTest, knows_the_levels_of_text_and_json) {
  const auto level = [](std::string_view line) { return read_provider_line(line).level; };
  EXPECT_EQ(level("2026-11-20T21:21:11.865985Z  WARN async_nats: slow"), LogLevel::warning);
  EXPECT_EQ(level(R"({"timestamp":"2026-11-20T21:21:11Z","level":"ERROR","fields":{}})"), LogLevel::error);
  EXPECT_EQ(level("WARNING:root:x"), LogLevel::warning);
  EXPECT_EQ(level("DEBUG x"), LogLevel::debug);
  EXPECT_EQ(level("2026-11-20T21:21:11Z TRACE y"), LogLevel::debug);
  EXPECT_EQ(level("2026-11-20T21:21:11Z  INFO after an ERROR all is well"), LogLevel::info) << "the first counts";
}

TEST(ProviderLineTest, a_line_without_a_level_is_information) {
  for (const std::string_view line : {"", "hello", "ERRORS are not ERRORED", "WARNED", "x_INFORMED"}) {
    EXPECT_EQ(read_provider_line(line).level, LogLevel::info) << line;
  }
  EXPECT_EQ(read_provider_line(std::string(90, ' ') + "ERROR").level, LogLevel::info) << "too late in the line";
}

TEST(ProviderLineTest, takes_colours_off) {
  const auto read = read_provider_line("\x1b[2m2026\x1b[0m \x1b[31mERROR\x1b[0m \x1b[1;38;5;9mbroken\x1b[m [1]");
  EXPECT_EQ(read.text, "2026 ERROR broken [1]");
  EXPECT_EQ(read.level, LogLevel::error);
  EXPECT_EQ(read_provider_line("cut \x1b[3").text, "cut ");
  EXPECT_EQ(read_provider_line("\x1b").text, "\x1b");
}

}  // namespace
}  // namespace weft::host
