// SPDX-License-Identifier: Apache-2.0
#include "cli/commands.hpp"

#include "cli/fake_world.hpp"
#include "cli/file.hpp"
#include "cli/help.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <new>
#include <ranges>
#include <stdexcept>

namespace weft::cli {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

/// Raises SIGTERM when the ready line is printed.
class RaisingConsole final : public Console {
 public:
  RaisingConsole(FakeConsole& inner, FakeInterrupts& interrupts) : inner_(inner), interrupts_(interrupts) {}
  void out(std::string_view text) override {
    inner_.out(text);
    if (text.contains("ready")) interrupts_.raise(SIGTERM);
  }
  void err(std::string_view text) override { inner_.err(text); }
  [[nodiscard]] bool err_is_terminal() const override { return false; }
  [[nodiscard]] bool out_failed() const override { return false; }

 private:
  FakeConsole& inner_;
  FakeInterrupts& interrupts_;
};

int serve_until_ready(FakeWorld& world, std::vector<std::string> words) {
  RaisingConsole console(world.console, world.interrupts);
  Context context{.console = console,
                  .interrupts = world.interrupts,
                  .guest_tools = world.guest_tools,
                  .getenv = world.context.getenv,
                  .make_host = world.context.make_host,
                  .library_versions = world.context.library_versions,
                  .compiler_versions = world.context.compiler_versions,
                  .now = world.context.now,
                  .exit_now = world.context.exit_now};
  return run_weft(words, context);
}

TEST(RunCommandTest, serves_says_where_and_drains_on_a_signal) {
  FakeWorld world;
  EXPECT_EQ(serve_until_ready(world, {"run", "hello.wasm", "--listen", "0", "--drain", "3s"}), 0);
  EXPECT_THAT(world.console.out_text, StartsWith("hello serves http://127.0.0.1:4711\nready in "));
  EXPECT_EQ(world.script.serve_config.listen, "127.0.0.1:0");
  EXPECT_EQ(world.script.closed_with, std::chrono::milliseconds(3'000));
  EXPECT_EQ(world.script.component_config.grants.stdio, Stdio::log);
  EXPECT_THAT(world.console.err_text, HasSubstr("stopping"));
  EXPECT_TRUE(world.exits.empty());
}

TEST(RunCommandTest, prints_a_ready_line_for_programs) {
  FakeWorld world;
  world.script.cached = true;
  EXPECT_EQ(serve_until_ready(world, {"run", "hello.wasm", "-o", "json"}), 0);
  EXPECT_THAT(
      world.console.out_text,
      StartsWith(
          R"({"event":"ready","component":"hello","url":"http://127.0.0.1:4711","address":"127.0.0.1:4711","cached":true,)"));
}

TEST(RunCommandTest, passes_a_commands_exit_code_and_arguments_on) {
  FakeWorld world;
  world.script.info.kind = WorldKind::command;
  world.script.command = [] { return Result<int>(7); };
  EXPECT_EQ(world.run({"run", "tool.wasm", "a", "--", "--b"}), 7);
  EXPECT_EQ(world.script.component_config.grants.arguments, (std::vector<std::string>{"a", "--b"}));
  EXPECT_EQ(world.script.component_config.grants.stdio, Stdio::inherit);
  EXPECT_EQ(world.script.component_config.limits.timeout, std::chrono::milliseconds(0));
  EXPECT_EQ(world.console.out_text, "");
}

TEST(RunCommandTest, a_signal_cancels_a_command_and_a_second_one_ends_the_process) {
  FakeWorld world;
  world.script.info.kind = WorldKind::command;
  world.script.command = [&]() -> Result<int> {
    world.interrupts.raise(SIGINT);
    world.interrupts.raise(SIGINT);
    return Error(Errc::cancelled, "Cancelled.");
  };
  EXPECT_EQ(world.run({"run", "tool.wasm"}), 130);
  EXPECT_EQ(world.script.stops, 1);
  EXPECT_EQ(world.exits, std::vector<int>{130});
}

TEST(RunCommandTest, a_signal_while_loading_ends_the_process) {
  FakeWorld world;
  world.script.on_serve = [&] { world.interrupts.raise(SIGTERM); };
  world.script.serve_error = std::nullopt;
  world.context.exit_now = [&](int code) {
    world.exits.push_back(code);
    throw std::runtime_error("the process ended");
  };
  world.run({"run", "hello.wasm"});
  EXPECT_EQ(world.exits, std::vector<int>{143});
}

TEST(RunCommandTest, refuses_a_library_and_serve_options_for_a_command) {
  FakeWorld world;
  world.script.info.kind = WorldKind::library;
  EXPECT_EQ(world.run({"run", "x.wasm"}), 4);
  EXPECT_THAT(world.console.err_text, HasSubstr("weft call"));
  world.script.info.kind = WorldKind::command;
  EXPECT_EQ(world.run({"run", "x.wasm", "--listen", "1"}), 2);
}

TEST(RunCommandTest, turns_the_hosts_errors_into_exit_codes) {
  FakeWorld world;
  world.script.load_error =
      Error(Errc::not_granted, "'x.wasm' imports wasi:filesystem/preopens.", "Grant it with '--dir'.");
  EXPECT_EQ(world.run({"run", "x.wasm"}), 5);
  EXPECT_EQ(world.console.err_text,
            "error: 'x.wasm' imports wasi:filesystem/preopens.\n  fix: Grant it with '--dir'.\n");
  world.script.inspect_error = Error(Errc::malformed, "Not wasm.");
  EXPECT_EQ(world.run({"run", "x.wasm"}), 4);
  world.script.create_error = Error(Errc::io, "No threads.");
  EXPECT_EQ(world.run({"run", "x.wasm"}), 3);
}

TEST(RunCommandTest, bad_options_are_found_before_anything_is_loaded) {
  FakeWorld world;
  world.script.create_error = Error(Errc::internal, "must not be reached");
  EXPECT_EQ(world.run({"run", "x.wasm", "--max-body", "lots"}), 2);
  EXPECT_EQ(world.run({"run", "x.wasm", "--timeout", "5"}), 2);
  EXPECT_EQ(world.run({"run", "x.wasm", "--drain", "5"}), 2);
}

TEST(CallCommandTest, prints_the_answer_in_the_form_of_the_arguments) {
  FakeWorld world;
  EXPECT_EQ(world.run({"call", "x.wasm", "a:b/c#f", "[1,2]", "-5"}), 0);
  EXPECT_EQ(world.console.out_text, "42\n");
  EXPECT_EQ(world.script.call_words, (std::vector<std::string>{"a:b/c#f", "[1,2]", "-5"}));
  EXPECT_EQ(world.script.call_format, ValueFormat::wave);
  EXPECT_EQ(world.script.host_config.shards, 1U);
}

TEST(CallCommandTest, wraps_the_answer_for_programs) {
  FakeWorld world;
  world.script.call = [] { return Result<std::string>("[\"a\"]"); };
  EXPECT_EQ(world.run({"call", "x.wasm", "f", "--output", "json", "--json", "--stats"}), 0);
  EXPECT_EQ(world.console.out_text,
            "{\"result\":[\"a\"],\"stats\":{\"cpu_ms\":1.500,\"peak_memory_bytes\":65536,\"host_calls\":3}}\n");
  world.console.out_text.clear();
  EXPECT_EQ(world.run({"call", "x.wasm", "f", "--output", "json"}), 0);
  EXPECT_EQ(world.console.out_text, "{\"result\":\"[\\\"a\\\"]\"}\n");
}

TEST(CallCommandTest, a_trap_has_its_own_exit_code) {
  FakeWorld world;
  world.script.call = []() -> Result<std::string> { return Error(Errc::trap, "Unreachable."); };
  EXPECT_EQ(world.run({"call", "x.wasm", "f"}), 134);
}

TEST(InspectCommandTest, prints_facts_as_text_wit_or_data) {
  FakeWorld world;
  EXPECT_EQ(world.run({"inspect", "x.wasm"}), 0);
  EXPECT_THAT(world.console.out_text, HasSubstr("wasi      0.2.3"));
  EXPECT_THAT(world.console.out_text, HasSubstr("68.4 KiB"));
  world.console.out_text.clear();
  EXPECT_EQ(world.run({"inspect", "--wit", "x.wasm"}), 0);
  EXPECT_EQ(world.console.out_text, "package root:component;\n");
  world.console.out_text.clear();
  EXPECT_EQ(world.run({"--output", "json", "inspect", "x.wasm"}), 0);
  EXPECT_THAT(world.console.out_text, HasSubstr("\"types\":{\"imports\":[]}"));
}

TEST(CompileCommandTest, says_whether_there_was_something_to_do) {
  FakeWorld world;
  EXPECT_EQ(world.run({"compile", "a.wasm", "b.wasm"}), 0);
  EXPECT_THAT(world.console.out_text, StartsWith("a.wasm: compiled in "));
  EXPECT_THAT(world.console.out_text, HasSubstr("b.wasm: compiled in "));
  EXPECT_EQ(world.run({"compile", "a.wasm", "--no-cache"}), 2);
}

TEST(WitCommandsTest, hand_their_words_to_the_tools) {
  FakeWorld world;
  EXPECT_EQ(world.run({"wit", "bindgen", "w.wit", "-w", "hello", "--out-dir", "gen"}), 0);
  EXPECT_EQ(world.guest_tools.said, "bindgen w.wit hello gen");
  const std::string module = testing::TempDir() + "weft_cli_module.wasm";
  ASSERT_TRUE(write_file(module, "core"));
  EXPECT_EQ(world.run({"wit", "new", module, "--adapter", "none"}), 0);
  EXPECT_EQ(world.guest_tools.said, "new core none  ");
  EXPECT_EQ(*read_file(testing::TempDir() + "weft_cli_module.component.wasm"), "component");
  EXPECT_EQ(world.run({"wit", "new", module, "--world", "x"}), 2);
  EXPECT_EQ(world.run({"wit", "new", module + ".no"}), 3);
  EXPECT_EQ(world.run({"wit"}), 2);
}

TEST(VersionCommandTest, names_every_library) {
  FakeWorld world;
  EXPECT_EQ(world.run({"version"}), 0);
  EXPECT_THAT(world.console.out_text, HasSubstr("  wasmtime  48.0.8\ncompiled with\n  clang     19.1.7\n"));
  world.console.out_text.clear();
  EXPECT_EQ(world.run({"version", "--output=json"}), 0);
  EXPECT_THAT(world.console.out_text,
              HasSubstr(R"("libraries":{"wasmtime":"48.0.8"},"compilers":{"clang":"19.1.7"}})"));
}

std::vector<std::string> words_of(std::string_view name) {
  const std::size_t space = name.find(' ');
  if (space == std::string_view::npos) return {std::string(name)};
  return {std::string(name.substr(0, space)), std::string(name.substr(space + 1))};
}

TEST(HelpTest, every_command_explains_itself_and_the_exit_codes) {
  for (const CommandSpec* command : commands()) {
    FakeWorld world;
    std::vector<std::string> words = words_of(command->name);
    words.emplace_back("--help");
    EXPECT_EQ(world.run(words), 0);
    EXPECT_THAT(world.console.out_text, HasSubstr("Exit codes:"));
    EXPECT_THAT(world.console.out_text, HasSubstr("--output"));
    const std::string by_option = std::exchange(world.console.out_text, {});
    words.pop_back();
    words.insert(words.begin(), "help");
    EXPECT_EQ(world.run(words), 0);
    EXPECT_EQ(world.console.out_text, by_option);
  }
}

/// The words of an example as a shell would hand them to weft, up to a redirection; empty if it does not call weft.
std::vector<std::string> words_of_example(std::string_view line) {
  const std::size_t start = line.find("weft ");
  if (start == std::string_view::npos) return {};
  std::vector<std::string> words(1);
  bool quoted = false;
  for (const char c : line.substr(start + 5)) {
    if (c == '\'') {
      quoted = !quoted;
    } else if (!quoted && (c == '>' || c == ')')) {
      break;
    } else if (!quoted && c == ' ') {
      words.emplace_back();
    } else {
      words.back() += c;
    }
  }
  if (words.back().empty()) words.pop_back();
  return words;
}

TEST(HelpTest, every_command_has_examples_that_it_would_accept) {
  for (const CommandSpec* command : commands()) {
    ASSERT_FALSE(command->examples.empty()) << command->name;
    for (const auto line : std::views::split(command->examples, '\n')) {
      const std::vector<std::string> words = words_of_example(std::string_view(line));
      const Chosen chosen = choose(commands(), words);
      ASSERT_EQ(chosen.command, command) << std::string_view(line);
      const auto parsed = parse(*command, std::span(words).subspan(chosen.words));
      EXPECT_TRUE(parsed) << std::string_view(line) << ": " << parsed.error().message();
      EXPECT_THAT(command_help(*command), HasSubstr(fmt::format("\n  {}\n", std::string_view(line))));
    }
  }
}

TEST(HelpTest, is_data_for_programs) {
  FakeWorld world;
  EXPECT_EQ(world.run({"help", "-o", "json"}), 0);
  EXPECT_THAT(world.console.out_text, StartsWith(R"({"commands":[{"name":"up","summary":)"));
  EXPECT_THAT(world.console.out_text, HasSubstr(R"({"code":"124","meaning":"the deadline passed"})"));
  const std::string general = std::exchange(world.console.out_text, {});
  EXPECT_EQ(world.run({"--help", "-ojson"}), 0);
  EXPECT_EQ(std::exchange(world.console.out_text, {}), general);
  EXPECT_EQ(world.run({"help", "call", "--output", "json"}), 0);
  EXPECT_THAT(world.console.out_text, HasSubstr(R"("usage":"weft call [OPTIONS] FILE FUNCTION [ARGS...]")"));
  EXPECT_THAT(
      world.console.out_text,
      HasSubstr(R"({"name":"timeout","group":"Grants and limits","help":"deadline of one request or call; 0 for )"
                R"(none","letter":"t","value":"TIME","default":"30s; none for a command","repeatable":false})"));
  const std::string one = std::exchange(world.console.out_text, {});
  EXPECT_EQ(world.run({"call", "--help", "--output", "json"}), 0);
  EXPECT_EQ(world.console.out_text, one);
}

TEST(HelpTest, lists_the_commands_of_a_group) {
  FakeWorld world;
  EXPECT_EQ(world.run({"get", "--help"}), 0);
  EXPECT_THAT(world.console.out_text, StartsWith("Usage: weft get COMMAND [OPTIONS]\n\nCommands:\n  get hosts "));
  EXPECT_THAT(world.console.out_text, Not(HasSubstr("link get")));
  const std::string text = std::exchange(world.console.out_text, {});
  EXPECT_EQ(world.run({"help", "get"}), 0);
  EXPECT_EQ(std::exchange(world.console.out_text, {}), text);
  EXPECT_EQ(world.run({"get", "-h", "-ojson"}), 0);
  EXPECT_THAT(world.console.out_text, StartsWith(R"({"commands":[{"name":"get hosts",)"));
  EXPECT_EQ(world.run({"get"}), 2);
  EXPECT_THAT(world.console.err_text, HasSubstr("weft get hosts, weft get inventory"));
}

TEST(HelpTest, refuses_what_is_no_command) {
  FakeWorld world;
  EXPECT_EQ(world.run({"help"}), 0);
  EXPECT_EQ(world.run({"help", "nothing"}), 2);
  EXPECT_EQ(world.run({"help", "run", "more"}), 2);
}

TEST(RunWeftTest, explains_unknown_commands) {
  FakeWorld world;
  EXPECT_EQ(world.run({}), 2);
  EXPECT_EQ(world.run({"--help"}), 0);
  EXPECT_EQ(world.run({"--version"}), 0);
  world.console.err_text.clear();
  EXPECT_EQ(world.run({"--output", "json"}), 2);
  EXPECT_THAT(world.console.err_text, StartsWith("{\"error\":"));
  EXPECT_EQ(world.run({"inspct"}), 2);
  EXPECT_THAT(world.console.err_text, HasSubstr("Did you mean 'weft inspect'?"));
  world.console.err_text.clear();
  EXPECT_EQ(world.run({"nothing-like-it", "-ojson"}), 2);
  EXPECT_THAT(world.console.err_text, StartsWith("{\"error\":{\"code\":\"invalid_argument\""));
}

TEST(RunWeftTest, a_full_disk_behind_stdout_is_a_failure) {
  FakeWorld world;
  world.console.broken = true;
  EXPECT_EQ(world.run({"version"}), 3);
}

TEST(RunWeftTest, no_exception_leaves_it) {
  FakeWorld world;
  world.context.library_versions = []() -> Versions { throw std::runtime_error("odd"); };
  EXPECT_EQ(world.run({"version"}), 1);
  EXPECT_THAT(world.console.err_text, HasSubstr("odd"));
  world.console.err_text.clear();
  EXPECT_EQ(world.run({"version", "-o", "json"}), 1);
  EXPECT_THAT(world.console.err_text, StartsWith("{\"error\":{\"code\":\"internal\""));
  world.console.err_text.clear();
  world.context.library_versions = []() -> Versions { throw std::bad_alloc(); };
  EXPECT_EQ(world.run({"version", "-o", "text"}), 6);
  EXPECT_THAT(world.console.err_text, StartsWith("error: "));
  world.console.err_text.clear();
  EXPECT_EQ(world.run({"version", "-o", "json"}), 6);
  EXPECT_THAT(world.console.err_text, HasSubstr("\"exit_code\":6}}\n"));
}

}  // namespace
}  // namespace weft::cli
