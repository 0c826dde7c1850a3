// SPDX-License-Identifier: Apache-2.0
#include "cli/command_line.hpp"

#include <gtest/gtest.h>

namespace weft::cli {
namespace {

using Words = std::vector<std::string>;

constexpr std::array kPositionals =
    std::to_array<PositionalSpec>({{.name = "FILE", .help = "a file"},
                                   {.name = "ARGS", .help = "more", .need = Need::optional, .repeat = Repeat::many}});
constexpr std::array kOptions = std::to_array<OptionSpec>({
    {.name = "listen", .value = "ADDR", .help = "", .letter = 'l'},
    {.name = "env", .value = "K=V", .help = "", .letter = 'e', .repeat = Repeat::many},
    {.name = "fast", .value = "", .help = "", .letter = 'f'},
    {.name = "quiet", .value = "", .help = "", .letter = 'q'},
    {.name = "level", .value = "low|high", .help = ""},
});
constexpr CommandSpec kCommand{
    .name = "run", .summary = "x", .positionals = kPositionals, .groups = {OptionGroup{"Options", kOptions}}};
constexpr CommandSpec kGroupNew{.name = "wit new", .summary = "x"};

Result<Arguments> parsed(const Words& words) { return parse(kCommand, words); }

std::string hint_of(const Words& words) {
  const auto result = parsed(words);
  return result ? "parsed" : result.error().hint();
}

TEST(CommandLineTest, reads_options_before_and_after_positionals) {
  const auto arguments = parsed({"--listen", "a", "x.wasm", "--env=A=1", "-e", "B=2", "-eC=3", "one", "-fq"});
  ASSERT_TRUE(arguments) << arguments.error().message();
  EXPECT_EQ(arguments->value("listen"), "a");
  EXPECT_EQ(arguments->values("env"), (Words{"A=1", "B=2", "C=3"}));
  EXPECT_TRUE(arguments->flag("fast"));
  EXPECT_TRUE(arguments->flag("quiet"));
  EXPECT_EQ(arguments->positional("FILE"), "x.wasm");
  EXPECT_EQ(arguments->positionals("ARGS"), (Words{"one"}));
  EXPECT_FALSE(arguments->value("level"));
}

TEST(CommandLineTest, leaves_values_of_guests_alone) {
  const auto arguments = parsed({"x.wasm", "[1,2]", "{}", "-5", "-.5", "", "-", "--", "--listen", "--", "-x"});
  ASSERT_TRUE(arguments) << arguments.error().message();
  EXPECT_EQ(arguments->positionals("ARGS"), (Words{"[1,2]", "{}", "-5", "-.5", "", "-", "--listen", "--", "-x"}));
}

TEST(CommandLineTest, an_option_takes_the_next_word_whatever_it_is) {
  const auto arguments = parsed({"x.wasm", "--listen", "-5", "--env", "--fast"});
  ASSERT_TRUE(arguments);
  EXPECT_EQ(arguments->value("listen"), "-5");
  EXPECT_EQ(arguments->values("env"), (Words{"--fast"}));
}

TEST(CommandLineTest, refuses_misuse_and_says_what_would_be_right) {
  EXPECT_EQ(hint_of({"x.wasm", "--lisen", "a"}), "Did you mean '--listen'?");
  EXPECT_TRUE(hint_of({"x.wasm", "--zzzzzz"}).starts_with("Write '--' before"));
  EXPECT_EQ(hint_of({"x.wasm", "--listen"}), "Write '--listen ADDR'.");
  EXPECT_EQ(hint_of({"x.wasm", "--listen", "--"}), "Write '--listen ADDR'.");
  EXPECT_EQ(hint_of({"x.wasm", "--level", "mid"}), "Use one of: low, high.");
  EXPECT_EQ(hint_of({"x.wasm", "-l", "a", "-l", "b"}), "Give it once.");
  EXPECT_EQ(hint_of({"x.wasm", "--fast=yes"}), "Read 'weft help run'.");
  EXPECT_EQ(hint_of({}), "Read 'weft help run'.");
  EXPECT_EQ(parse(kGroupNew, Words{"extra"}).error().code(), Errc::invalid_argument);
}

TEST(CommandLineTest, help_needs_no_positionals) { EXPECT_TRUE(parsed({"-h"})->flag("help")); }

TEST(ChooseTest, finds_commands_of_one_and_two_words) {
  const std::array<const CommandSpec*, 2> commands{&kCommand, &kGroupNew};
  EXPECT_EQ(choose(commands, Words{"run", "x"}).command, &kCommand);
  EXPECT_EQ(choose(commands, Words{"wit", "new", "x"}).words, 2U);
  EXPECT_EQ(choose(commands, Words{"wit"}).command, nullptr);
  EXPECT_EQ(choose(commands, Words{"wit", "run"}).command, nullptr);
  EXPECT_EQ(choose(commands, Words{}).command, nullptr);
}

TEST(NearestTest, offers_only_what_could_have_been_meant) {
  const Words names{"inspect", "run", "compile"};
  EXPECT_EQ(nearest("inspct", names), "inspect");
  EXPECT_EQ(nearest("rnu", names), "run");
  EXPECT_EQ(nearest("ru", names), "run");
  EXPECT_EQ(nearest("dashboard", names), std::nullopt);
}

TEST(ChoicesTest, only_lower_case_placeholders_are_choices) {
  EXPECT_EQ(choices("a|b"), (Words{"a", "b"}));
  EXPECT_TRUE(choices("HOST[:ro|:rw]").empty());
  EXPECT_TRUE(choices("text").empty());
}

}  // namespace
}  // namespace weft::cli
