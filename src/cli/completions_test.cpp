// SPDX-License-Identifier: Apache-2.0
#include "cli/completions.hpp"

#include "cli/fake_world.hpp"
#include "cli/file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdio>

namespace weft::cli {
namespace {

using testing::HasSubstr;

std::string shell_output(const std::string& command) {
  std::string text;
  std::array<char, 4096> chunk{};
  std::FILE* pipe = ::popen(command.c_str(), "r");
  while (std::fgets(chunk.data(), chunk.size(), pipe) != nullptr) text += chunk.data();
  ::pclose(pipe);
  return text;
}

/// What bash itself offers for a command line.
std::string offered(const std::string& line) {
  const std::string script = testing::TempDir() + "weft_completions.bash";
  if (!write_file(script, bash_completions(commands()))) return "unwritten";
  std::size_t count = 1;
  for (const char c : line) count += c == ' ' ? 1U : 0U;
  return shell_output(
      fmt::format("bash -c 'weft() {{ echo $2-one $2-two; }}; source {}; COMP_WORDS=({}{}); COMP_CWORD={}; _weft; echo "
                  "\"${{COMPREPLY[*]}}\"'",
                  script, line, line.ends_with(' ') ? "\"\"" : "", count - 1));
}

TEST(BashCompletionsTest, offer_commands_options_and_values) {
  EXPECT_EQ(offered("weft comp"), "compile completions\n");
  EXPECT_EQ(offered("weft run --lis"), "--listen\n");
  EXPECT_EQ(offered("weft run --stdio "), "log inherit discard\n");
  EXPECT_EQ(offered("weft wit "), "bindgen new\n");
  EXPECT_EQ(offered("weft wit new --ad"), "--adapter\n");
  EXPECT_EQ(offered("weft completions "), "bash zsh fish\n");
  EXPECT_EQ(offered("weft run x.wasm -o j"), "json\n");
  EXPECT_EQ(offered("weft get comp"), "components\n");
}

TEST(BashCompletionsTest, ask_for_the_names_of_what_there_is) {
  EXPECT_EQ(offered("weft scale "), "components-one components-two\n");
  EXPECT_EQ(offered("weft stop provider providers-o"), "providers-one\n");
  EXPECT_EQ(offered("weft get hosts --host "), "hosts-one hosts-two\n");
  EXPECT_EQ(offered("weft link put x --target-config configs-t"), "configs-two\n");
}

TEST(CompletionsTest, ask_for_names_in_every_shell_and_hide_the_command_that_gives_them) {
  EXPECT_THAT(zsh_completions(commands()), HasSubstr("{compadd -- $(weft complete components 2>/dev/null)}"));
  EXPECT_THAT(fish_completions(commands()), HasSubstr("-a '(weft complete components 2>/dev/null)'"));
  EXPECT_THAT(fish_completions(commands()), testing::Not(HasSubstr("-a complete ")));
  FakeWorld world;
  EXPECT_EQ(world.run({"help"}), 0);
  EXPECT_THAT(world.console.out_text, testing::Not(HasSubstr("\n  complete ")));
}

TEST(CompletionsTest, every_shell_knows_every_command_and_option) {
  for (const std::string& script :
       {bash_completions(commands()), zsh_completions(commands()), fish_completions(commands())}) {
    for (const CommandSpec* command : commands()) {
      for (const OptionGroup& group : command->groups) {
        for (const OptionSpec& option : group.options) EXPECT_THAT(script, HasSubstr(std::string(option.name)));
      }
    }
  }
  EXPECT_THAT(zsh_completions(commands()),
              HasSubstr("'*--env=[set an environment variable; K alone passes on weft'\\''s own]:K=V: '"));
  EXPECT_THAT(fish_completions(commands()),
              HasSubstr("complete -c weft -n '__fish_seen_subcommand_from run' -l listen -s l -x"));
}

TEST(CompletionsCommandTest, refuses_an_unknown_shell) {
  FakeWorld world;
  EXPECT_EQ(world.run({"completions", "bash"}), 0);
  EXPECT_EQ(world.console.out_text, bash_completions(commands()));
  world.console.out_text.clear();
  EXPECT_EQ(world.run({"completions", "bash", "-o", "json"}), 0);
  EXPECT_THAT(world.console.out_text, testing::StartsWith(R"({"shell":"bash","script":"# weft completions for bash)"));
  EXPECT_EQ(world.run({"completions", "tcsh"}), 2);
  EXPECT_EQ(world.run({"completions"}), 2);
}

}  // namespace
}  // namespace weft::cli
