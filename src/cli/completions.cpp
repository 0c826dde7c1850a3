// SPDX-License-Identifier: Apache-2.0
#include "cli/completions.hpp"

#include "cli/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/json_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

namespace weft::cli {
namespace {

std::vector<const OptionSpec*> all_options(const CommandSpec& command) {
  std::vector<const OptionSpec*> options;
  for (const OptionGroup& group : command.groups) {
    for (const OptionSpec& option : group.options) options.push_back(&option);
  }
  for (const OptionSpec& option : common_options()) options.push_back(&option);
  return options;
}

std::vector<const CommandSpec*> listed(std::span<const CommandSpec* const> commands) {
  std::vector<const CommandSpec*> found;
  std::ranges::copy_if(commands, std::back_inserter(found),
                       [](const CommandSpec* command) { return command->listed == Listed::yes; });
  return found;
}

/// What `weft complete` is asked for where such a placeholder stands; empty: there is nothing to ask.
std::string_view live_kind(std::string_view placeholder) {
  constexpr auto kinds = std::to_array<std::pair<std::string_view, std::string_view>>({
      {"COMPONENT", "components"},
      {"PROVIDER", "providers"},
      {"HOST", "hosts"},
      {"CONFIG", "configs"},
      {"CONTEXT", "contexts"},
      {"SOURCE", "workloads"},
      {"TARGET", "workloads"},
  });
  const auto found = std::ranges::find(kinds, placeholder, &std::pair<std::string_view, std::string_view>::first);
  return found == kinds.end() ? std::string_view() : found->second;
}

std::string_view live_kind(const CommandSpec& command) {
  return command.positionals.empty() ? std::string_view() : live_kind(command.positionals[0].name);
}

std::string live_words(std::string_view kind) { return fmt::format("$(weft complete {} 2>/dev/null)", kind); }

bool takes_folder(const OptionSpec& option) { return option.name == "dir" || option.value == "DIR"; }

/// The command's name as one word: "wit new" is "wit_new".
std::string identifier(std::string_view name) {
  std::string word(name);
  std::ranges::replace(word, ' ', '_');
  return word;
}

std::string_view first_word(std::string_view name) { return name.substr(0, name.find(' ')); }

/// First words, each once: "run", "wit".
std::vector<std::string> top_words(std::span<const CommandSpec* const> commands) {
  std::vector<std::string> words;
  for (const CommandSpec* command : commands) {
    const std::string word(first_word(command->name));
    if (std::ranges::find(words, word) == words.end()) words.push_back(word);
  }
  return words;
}

/// Second words of a group: "bindgen", "new".
std::vector<std::string> second_words(std::span<const CommandSpec* const> commands, std::string_view group) {
  std::vector<std::string> words;
  for (const CommandSpec* command : commands) {
    if (command->name.starts_with(fmt::format("{} ", group)))
      words.emplace_back(command->name.substr(group.size() + 1));
  }
  return words;
}

/// The words that may stand where a command's argument goes; empty: file names.
std::vector<std::string> positional_words(const CommandSpec& command, std::span<const CommandSpec* const> commands) {
  if (command.positionals.empty()) return {};
  if (command.name == "help") return top_words(commands);
  return choices(command.positionals[0].name);
}

std::string in_quotes(std::string_view text) {
  std::string safe;
  for (const char c : text) safe += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return "'" + safe + "'";
}

// --- bash ---

std::string bash_path_cases(std::span<const CommandSpec* const> commands) {
  std::string text;
  for (const std::string& word : top_words(commands))
    text += fmt::format("      weft:{}) path=weft_{} ;;\n", word, word);
  for (const std::string& group : top_words(commands)) {
    for (const std::string& word : second_words(commands, group))
      text += fmt::format("      weft_{}:{}) path=weft_{}_{} ;;\n", group, word, group, word);
  }
  return text;
}

std::string bash_value_cases(const CommandSpec& command) {
  std::string text;
  for (const OptionSpec* option : all_options(command)) {
    if (option->value.empty()) continue;
    std::string pattern = fmt::format("weft_{}:--{}", identifier(command.name), option->name);
    if (option->letter != 0) pattern += fmt::format("|weft_{}:-{}", identifier(command.name), option->letter);
    std::string action = ":";
    if (const auto words = choices(option->value); !words.empty()) {
      action = fmt::format("COMPREPLY=($(compgen -W '{}' -- \"$cur\"))", fmt::join(words, " "));
    } else if (const auto kind = live_kind(option->value); !kind.empty()) {
      action = fmt::format("COMPREPLY=($(compgen -W \"{}\" -- \"$cur\"))", live_words(kind));
    } else if (takes_folder(*option)) {
      action = "COMPREPLY=($(compgen -d -- \"$cur\"))";
    } else if (option->value == "FILE") {
      action = "COMPREPLY=($(compgen -f -- \"$cur\"))";
    }
    text += fmt::format("    {}) {}; return ;;\n", pattern, action);
  }
  return text;
}

std::string bash_word_case(const CommandSpec& command, std::span<const CommandSpec* const> commands) {
  std::string options;
  for (const OptionSpec* option : all_options(command))
    options += fmt::format("{}--{}", options.empty() ? "" : " ", option->name);
  return fmt::format("    weft_{}) options='{}' words='{}' live='{}' ;;\n", identifier(command.name), options,
                     fmt::join(positional_words(command, commands), " "), live_kind(command));
}

// --- zsh ---

/// Inside a spec of _arguments, brackets and colons have a meaning.
std::string zsh_text(std::string_view text) {
  std::string safe;
  for (const char c : text) {
    if (c == '[' || c == ']' || c == ':' || c == '\\') safe += '\\';
    safe += c;
  }
  return safe;
}

std::string zsh_live(std::string_view kind) { return fmt::format("{{compadd -- {}}}", live_words(kind)); }

std::string zsh_action(const OptionSpec& option) {
  if (const auto kind = live_kind(option.value); !kind.empty()) return zsh_live(kind);
  if (const auto words = choices(option.value); !words.empty()) return fmt::format("({})", fmt::join(words, " "));
  if (takes_folder(option)) return "_files -/";
  return option.value == "FILE" ? "_files" : " ";
}

std::string zsh_option(const OptionSpec& option) {
  std::string spec = fmt::format("{}--{}{}[{}]", option.repeat == Repeat::many ? "*" : "", option.name,
                                 option.value.empty() ? "" : "=", zsh_text(option.help));
  if (!option.value.empty()) spec += fmt::format(":{}:{}", zsh_text(option.value), zsh_action(option));
  return in_quotes(spec);
}

std::string zsh_command(const CommandSpec& command, std::span<const CommandSpec* const> commands) {
  std::string text = fmt::format("    {}) _arguments", in_quotes(command.name));
  for (const OptionSpec* option : all_options(command)) text += fmt::format(" \\\n      {}", zsh_option(*option));
  for (const PositionalSpec& spec : command.positionals) {
    const auto words = positional_words(command, commands);
    const auto kind = live_kind(spec.name);
    const std::string action = !kind.empty()   ? zsh_live(kind)
                               : words.empty() ? "_files"
                                               : fmt::format("({})", fmt::join(words, " "));
    text += fmt::format(" \\\n      '{}:{}:{}'", spec.repeat == Repeat::many ? "*" : "", zsh_text(spec.name), action);
  }
  return text + " ;;\n";
}

// --- fish ---

std::string fish_condition(std::string_view name) {
  const std::string_view first = first_word(name);
  if (first.size() == name.size()) return fmt::format("__fish_seen_subcommand_from {}", first);
  return fmt::format("__fish_seen_subcommand_from {}; and __fish_seen_subcommand_from {}", first,
                     name.substr(first.size() + 1));
}

std::string fish_option(const CommandSpec& command, const OptionSpec& option) {
  std::string line = fmt::format("complete -c weft -n '{}' -l {}", fish_condition(command.name), option.name);
  if (option.letter != 0) line += fmt::format(" -s {}", option.letter);
  if (const auto words = choices(option.value); !words.empty()) {
    line += fmt::format(" -x -a '{}'", fmt::join(words, " "));
  } else if (const auto kind = live_kind(option.value); !kind.empty()) {
    line += fmt::format(" -x -a '(weft complete {} 2>/dev/null)'", kind);
  } else if (!option.value.empty()) {
    line += takes_folder(option) || option.value == "FILE" ? " -r -F" : " -x";
  }
  return line + fmt::format(" -d {}\n", in_quotes(option.help));
}

// --- the command ---

constexpr std::array kPositionals = std::to_array<PositionalSpec>({{.name = "bash|zsh|fish", .help = "the shell"}});

Result<int> run(const Arguments& arguments, Context& context) {
  const std::string shell = arguments.positional("bash|zsh|fish");
  std::string script;
  if (shell == "bash") {
    script = bash_completions(commands());
  } else if (shell == "zsh") {
    script = zsh_completions(commands());
  } else if (shell == "fish") {
    script = fish_completions(commands());
  } else {
    return Error(Errc::invalid_argument, fmt::format("weft has no completions for the shell '{}'.", shell),
                 "Use one of: bash, zsh, fish.", Blame::operator_);
  }
  context.console.out(context.output == OutputFormat::json
                          ? JsonObject().text("shell", shell).text("script", script).str() + "\n"
                          : script);
  return kExitSuccess;
}

}  // namespace

std::string bash_completions(std::span<const CommandSpec* const> all) {
  const auto commands = listed(all);
  std::string text = "# weft completions for bash; load with: source <(weft completions bash)\n";
  text +=
      "_weft() {\n  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} path=weft options='--help "
      "--output --version' words='' live='' i\n";
  text += "  COMPREPLY=()\n  for ((i = 1; i < COMP_CWORD; i++)); do\n    case \"$path:${COMP_WORDS[i]}\" in\n";
  text += bash_path_cases(commands);
  text += "    esac\n  done\n  case \"$path:$prev\" in\n";
  for (const CommandSpec* command : commands) text += bash_value_cases(*command);
  text += "  esac\n  case \"$path\" in\n";
  text += fmt::format("    weft) words='{}' ;;\n", fmt::join(top_words(commands), " "));
  for (const std::string& group : top_words(commands)) {
    const auto words = second_words(commands, group);
    if (!words.empty()) text += fmt::format("    weft_{}) words='{}' ;;\n", group, fmt::join(words, " "));
  }
  for (const CommandSpec* command : commands) text += bash_word_case(*command, commands);
  text += "  esac\n  if [[ $cur == -* ]]; then\n    COMPREPLY=($(compgen -W \"$options\" -- \"$cur\"))\n";
  text += "  elif [[ -n $words ]]; then\n    COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n";
  text += fmt::format("  elif [[ -n $live ]]; then\n    COMPREPLY=($(compgen -W \"{}\" -- \"$cur\"))\n",
                      live_words("$live"));
  text += "  else\n    COMPREPLY=($(compgen -f -- \"$cur\"))\n  fi\n}\ncomplete -o filenames -F _weft weft\n";
  return text;
}

std::string zsh_completions(std::span<const CommandSpec* const> all) {
  const auto commands = listed(all);
  std::string text =
      "#compdef weft\n# weft completions for zsh; save as _weft in a folder of $fpath\n_weft() {\n  local name\n";
  text += "  if (( CURRENT == 2 )); then\n    local -a commands=(\n";
  for (const std::string& word : top_words(commands)) {
    const auto found =
        std::ranges::find_if(commands, [&](const CommandSpec* command) { return command->name == word; });
    text +=
        fmt::format("      {}\n",
                    in_quotes(fmt::format(
                        "{}:{}", word, found == commands.end() ? "a group of commands" : zsh_text((*found)->summary))));
  }
  text +=
      "    )\n    _describe 'command' commands\n    return\n  fi\n  name=$words[2]\n  shift words; (( CURRENT-- ))\n  "
      "case $name in\n";
  for (const std::string& group : top_words(commands)) {
    const auto words = second_words(commands, group);
    if (words.empty()) continue;
    text += fmt::format("    {})\n      if (( CURRENT == 2 )); then\n        compadd {}\n        return\n      fi\n",
                        group, fmt::join(words, " "));
    text += "      name=\"$name $words[2]\"\n      shift words; (( CURRENT-- )) ;;\n";
  }
  text += "  esac\n  case $name in\n";
  for (const CommandSpec* command : commands) text += zsh_command(*command, commands);
  return text + "  esac\n}\n_weft \"$@\"\n";
}

std::string fish_completions(std::span<const CommandSpec* const> all) {
  const auto commands = listed(all);
  std::string text = "# weft completions for fish; save as ~/.config/fish/completions/weft.fish\n";
  for (const CommandSpec* command : commands) {
    if (const std::string_view first = first_word(command->name); first.size() == command->name.size()) {
      text +=
          fmt::format("complete -c weft -f -n __fish_use_subcommand -a {} -d {}\n", first, in_quotes(command->summary));
    } else {
      text += fmt::format("complete -c weft -f -n __fish_use_subcommand -a {}\n", first);
      // Only until one of them is there: after it come its own arguments.
      text += fmt::format(
          "complete -c weft -f -n '__fish_seen_subcommand_from {}; and not __fish_seen_subcommand_from {}' -a {} -d "
          "{}\n",
          first, fmt::join(second_words(commands, first), " "), command->name.substr(first.size() + 1),
          in_quotes(command->summary));
    }
  }
  for (const CommandSpec* command : commands) {
    for (const OptionSpec* option : all_options(*command)) text += fish_option(*command, *option);
    if (const auto words = positional_words(*command, commands); !words.empty()) {
      text +=
          fmt::format("complete -c weft -f -n '{}' -a '{}'\n", fish_condition(command->name), fmt::join(words, " "));
    } else if (const auto kind = live_kind(*command); !kind.empty()) {
      text += fmt::format("complete -c weft -f -n '{}' -a '(weft complete {} 2>/dev/null)'\n",
                          fish_condition(command->name), kind);
    } else if (!command->positionals.empty()) {
      text += fmt::format("complete -c weft -n '{}' -F\n", fish_condition(command->name));
    }
  }
  return text;
}

const CommandSpec& completions_command() noexcept {
  static constexpr CommandSpec spec{.name = "completions",
                                    .summary = "print the completion script of a shell",
                                    .positionals = kPositionals,
                                    .examples =
                                        "source <(weft completions bash)\n"
                                        "weft completions zsh > \"${fpath[1]}/_weft\"\n"
                                        "weft completions fish > ~/.config/fish/completions/weft.fish",
                                    .run = run};
  return spec;
}

}  // namespace weft::cli
