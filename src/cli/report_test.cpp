// SPDX-License-Identifier: Apache-2.0
#include "cli/report.hpp"

#include "cli/exit_code.hpp"
#include "cli/fake_world.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weft::cli {
namespace {

TEST(ReportTest, says_what_failed_and_what_would_fix_it) {
  const Error error = Error(Errc::trap, "The component trapped.", "See the backtrace.").with_detail("0: f\n1: g");
  EXPECT_EQ(error_text(error, false), "error: The component trapped.\n  fix: See the backtrace.\n  0: f\n  1: g\n");
  EXPECT_EQ(error_text(Error(Errc::io, "No.", "Yes."), true),
            "\x1b[1;31merror:\x1b[0m No.\n  \x1b[36mfix:\x1b[0m Yes.\n");
}

TEST(ReportTest, names_a_way_out_even_where_the_error_does_not) {
  for (int number = 1; number <= static_cast<int>(Errc::refused); ++number) {
    const Error error(static_cast<Errc>(number), "No.");
    EXPECT_THAT(error_text(error, false), testing::MatchesRegex("error: No\\.\n  fix: [A-Z].+\\.\n"));
    EXPECT_THAT(error_json(error), testing::HasSubstr("\"hint\":\""));
  }
}

TEST(ReportTest, writes_one_json_object) {
  Error error = Error(Errc::not_found, "No \"x\".", "Look.").in("loading");
  EXPECT_EQ(error_json(error),
            "{\"error\":{\"code\":\"not_found\",\"message\":\"No "
            "\\\"x\\\".\",\"hint\":\"Look.\",\"context\":[\"loading\"],\"exit_code\":3}}\n");
}

TEST(ReportTest, colours_only_for_a_person_who_wants_them) {
  FakeWorld world;
  EXPECT_FALSE(world.context.colours());
  world.console.terminal = true;
  EXPECT_TRUE(world.context.colours());
  world.environment["NO_COLOR"] = "1";
  EXPECT_FALSE(world.context.colours());
  world.environment["NO_COLOR"] = "";
  world.environment["TERM"] = "dumb";
  EXPECT_FALSE(world.context.colours());
}

TEST(ExitCodeTest, tells_the_kinds_of_failure_apart) {
  EXPECT_EQ(exit_code(Errc::internal), 1);
  EXPECT_EQ(exit_code(Errc::invalid_argument), 2);
  EXPECT_EQ(exit_code(Errc::not_found), 3);
  EXPECT_EQ(exit_code(Errc::permission_denied), 3);
  EXPECT_EQ(exit_code(Errc::malformed), 4);
  EXPECT_EQ(exit_code(Errc::unsupported), 4);
  EXPECT_EQ(exit_code(Errc::not_granted), 5);
  EXPECT_EQ(exit_code(Errc::resource_exhausted), 6);
  EXPECT_EQ(exit_code(Errc::deadline_exceeded), 124);
  EXPECT_EQ(exit_code(Errc::trap), 134);
}

}  // namespace
}  // namespace weft::cli
