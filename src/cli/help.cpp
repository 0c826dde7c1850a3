// SPDX-License-Identifier: Apache-2.0
#include "cli/help.hpp"

#include "cli/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/help_json.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace weft::cli {
namespace {

constexpr std::size_t kHelpColumn = 32;

std::string usage_of(const PositionalSpec& spec) {
  const std::string name = fmt::format("{}{}", spec.name, spec.repeat == Repeat::many ? "..." : "");
  return spec.need == Need::required ? name : fmt::format("[{}]", name);
}

std::string two_columns(std::string_view left, std::string_view right) {
  if (left.size() + 2 > kHelpColumn) return fmt::format("  {}\n{:{}}{}\n", left, "", kHelpColumn + 2, right);
  return fmt::format("  {:<{}}{}\n", left, kHelpColumn, right);
}

std::string option_line(const OptionSpec& option) {
  std::string left =
      option.letter != 0 ? fmt::format("-{}, --{}", option.letter, option.name) : fmt::format("    --{}", option.name);
  if (!option.value.empty()) left += fmt::format(" {}", option.value);
  std::string right(option.help);
  if (option.repeat == Repeat::many) right += "; repeatable";
  if (!option.fallback.empty()) right += fmt::format(" (default: {})", option.fallback);
  if (!option.environment.empty()) right += fmt::format(" [{}]", option.environment);
  return two_columns(left, right);
}

std::string group_text(std::string_view title, std::span<const OptionSpec> options) {
  if (options.empty()) return {};
  std::string text = fmt::format("\n{}:\n", title);
  for (const OptionSpec& option : options) text += option_line(option);
  return text;
}

std::string examples_text(std::string_view examples) {
  std::string text = "\nExamples:\n";
  while (!examples.empty()) {
    const std::size_t end = examples.find('\n');
    text += fmt::format("  {}\n", examples.substr(0, end));
    examples.remove_prefix(end == std::string_view::npos ? examples.size() : end + 1);
  }
  return text;
}

std::string list_of(std::span<const CommandSpec* const> commands) {
  std::string text = "\nCommands:\n";
  for (const CommandSpec* command : commands) {
    if (command->listed == Listed::yes) text += fmt::format("  {:<18}{}\n", command->name, command->summary);
  }
  return text;
}

std::string exit_codes_text() {
  std::string text = "\nExit codes:\n";
  for (const ExitCodeLine& line : exit_code_lines()) text += fmt::format("  {:<8}{}\n", line.code, line.meaning);
  return text;
}

Result<int> run(const Arguments& arguments, Context& context) {
  const std::vector<std::string> words = arguments.positionals("COMMAND");
  if (words.empty()) {
    print_general_help(context);
    return kExitSuccess;
  }
  const Chosen chosen = choose(commands(), words);
  if (const auto group = group_of(words[0]); chosen.command == nullptr && words.size() == 1 && !group.empty()) {
    print_group_help(words[0], group, context);
    return kExitSuccess;
  }
  if (chosen.command == nullptr || chosen.words != words.size()) {
    return Error(Errc::invalid_argument, fmt::format("weft has no command '{}'.", fmt::join(words, " ")),
                 "Read 'weft help'.", Blame::operator_);
  }
  print_command_help(*chosen.command, context);
  return kExitSuccess;
}

constexpr std::array kPositionals =
    std::to_array<PositionalSpec>({{.name = "COMMAND",
                                    .help = "the command to explain; without one, all are listed",
                                    .need = Need::optional,
                                    .repeat = Repeat::many}});
constexpr CommandSpec kHelp{.name = "help",
                            .summary = "explain weft or one of its commands",
                            .positionals = kPositionals,
                            .examples = "weft help run\nweft help wit new\nweft help --output json",
                            .run = run};

}  // namespace

std::string usage_line(const CommandSpec& command) {
  std::string text = fmt::format("weft {} [OPTIONS]", command.name);
  for (const PositionalSpec& spec : command.positionals) text += fmt::format(" {}", usage_of(spec));
  return text;
}

void print_general_help(const Context& context) {
  context.console.out(context.output == OutputFormat::json ? general_help_json(commands()) : general_help(commands()));
}

void print_group_help(std::string_view word, std::span<const CommandSpec* const> group, const Context& context) {
  context.console.out(
      context.output == OutputFormat::json
          ? general_help_json(group)
          : fmt::format("Usage: weft {0} COMMAND [OPTIONS]\n{1}\n'weft help {0} COMMAND' explains one.\n", word,
                        list_of(group)));
}

void print_command_help(const CommandSpec& command, const Context& context) {
  context.console.out(context.output == OutputFormat::json ? command_help_json(command) : command_help(command));
}

std::string general_help(std::span<const CommandSpec* const> commands) {
  return "weft runs WebAssembly components.\n\nUsage: weft COMMAND [OPTIONS]\n" + list_of(commands) +
         "\n'weft help COMMAND' explains one. '--output json' is understood by all.\n" + exit_codes_text();
}

std::string command_help(const CommandSpec& command) {
  std::string text = fmt::format("{}{}.\n\nUsage: {}\n", static_cast<char>(command.summary[0] - 'a' + 'A'),
                                 command.summary.substr(1), usage_line(command));
  if (!command.positionals.empty()) text += "\nArguments:\n";
  for (const PositionalSpec& spec : command.positionals) text += two_columns(usage_of(spec), spec.help);
  for (const OptionGroup& group : command.groups) text += group_text(group.title, group.options);
  text += group_text("Common options", common_options());
  if (!command.notes.empty()) text += fmt::format("\n{}\n", command.notes);
  text += examples_text(command.examples);
  return text + exit_codes_text();
}

const CommandSpec& help_command() noexcept { return kHelp; }

}  // namespace weft::cli
