// SPDX-License-Identifier: Apache-2.0
#include "cli/help_json.hpp"

#include "cli/exit_code.hpp"
#include "cli/help.hpp"
#include "cli/json_text.hpp"

#include <fmt/format.h>

namespace weft::cli {
namespace {

JsonObject summary_of(const CommandSpec& command) {
  JsonObject object;
  object.text("name", command.name).text("summary", command.summary).text("usage", usage_line(command));
  return object;
}

std::string array(std::span<const std::string> items) { return fmt::format("[{}]", fmt::join(items, ",")); }

std::string exit_codes() {
  std::vector<std::string> items;
  for (const ExitCodeLine& line : exit_code_lines())
    items.push_back(JsonObject().text("code", line.code).text("meaning", line.meaning).str());
  return array(items);
}

std::string option_json(std::string_view group, const OptionSpec& option) {
  JsonObject object;
  object.text("name", option.name).text("group", group).text("help", option.help);
  if (option.letter != 0) object.text("letter", std::string_view(&option.letter, 1));
  if (!option.value.empty()) object.text("value", option.value);
  if (!option.fallback.empty()) object.text("default", option.fallback);
  if (!option.environment.empty()) object.text("environment", option.environment);
  return object.boolean("repeatable", option.repeat == Repeat::many).str();
}

std::string options(const CommandSpec& command) {
  std::vector<std::string> items;
  for (const OptionGroup& group : command.groups) {
    for (const OptionSpec& option : group.options) items.push_back(option_json(group.title, option));
  }
  for (const OptionSpec& option : common_options()) items.push_back(option_json("Common options", option));
  return array(items);
}

std::string arguments(const CommandSpec& command) {
  std::vector<std::string> items;
  for (const PositionalSpec& spec : command.positionals) {
    items.push_back(JsonObject()
                        .text("name", spec.name)
                        .text("help", spec.help)
                        .boolean("required", spec.need == Need::required)
                        .boolean("repeatable", spec.repeat == Repeat::many)
                        .str());
  }
  return array(items);
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return lines;
}

}  // namespace

std::string general_help_json(std::span<const CommandSpec* const> commands) {
  std::vector<std::string> items;
  for (const CommandSpec* command : commands) {
    if (command->listed == Listed::yes) items.push_back(summary_of(*command).str());
  }
  return JsonObject().raw("commands", array(items)).raw("exit_codes", exit_codes()).str() + "\n";
}

std::string command_help_json(const CommandSpec& command) {
  JsonObject object = summary_of(command);
  object.raw("arguments", arguments(command)).raw("options", options(command));
  if (!command.notes.empty()) object.text("notes", command.notes);
  return object.texts("examples", lines_of(command.examples)).raw("exit_codes", exit_codes()).str() + "\n";
}

}  // namespace weft::cli
