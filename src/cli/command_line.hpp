// SPDX-License-Identifier: Apache-2.0
/// The grammar of weft's command line: a table of commands and their options, from which parsing, help and completions
/// are all made, so that they cannot disagree. Not CLI11, because that rewrites arguments which look like its own lists
/// (`[1,2]`, `{}`), and those are values in WAVE. Does not know what a value means: commands read their values with the
/// parsers beside this file. Threads: plain values.   Errors: parse() -> invalid_argument, whose hint names the nearest
/// option or the help to read.
#pragma once

#include <weft/result.hpp>

#include <array>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weft::cli {

struct Context;

enum class Repeat : bool { once, many };

struct OptionSpec {
  std::string_view name;   ///< without the dashes
  std::string_view value;  ///< its placeholder; empty: a flag; "text|json" (lower case only): one of these; FILE and
                           ///< DIR complete to paths, HOST, COMPONENT, PROVIDER, CONFIG and CONTEXT to what there is
  std::string_view help;
  std::string_view fallback = {};  ///< what holds when it is not given, as the help shows it
  char letter = 0;
  Repeat repeat = Repeat::once;
  std::string_view environment = {};  ///< the variable that is read when it is not given
};

struct OptionGroup {
  std::string_view title;
  std::span<const OptionSpec> options;
};

enum class Need : bool { optional, required };

struct PositionalSpec {
  std::string_view name;
  std::string_view help;
  Need need = Need::required;
  Repeat repeat = Repeat::once;  ///< many: takes all that is left
};

/// What was given on the command line, checked against its command's table.
class Arguments {
 public:
  [[nodiscard]] bool flag(std::string_view option) const { return options_.contains(option); }
  /// The last value given.
  [[nodiscard]] std::optional<std::string> value(std::string_view option) const;
  [[nodiscard]] std::vector<std::string> values(std::string_view option) const;
  /// Empty if an optional one was left out.
  [[nodiscard]] std::string positional(std::string_view name) const;
  [[nodiscard]] std::vector<std::string> positionals(std::string_view name) const;

  void add_option(std::string_view option, std::string value) {
    options_[std::string(option)].push_back(std::move(value));
  }
  void add_positional(std::string_view name, std::string value) {
    positionals_[std::string(name)].push_back(std::move(value));
  }

 private:
  using Lists = std::map<std::string, std::vector<std::string>, std::less<>>;
  Lists options_;
  Lists positionals_;
};

/// Hidden commands are for scripts of ours: neither help nor completions name them.
enum class Listed : bool { no, yes };

struct CommandSpec {
  std::string_view name;  ///< "run", "wit new"
  std::string_view summary;
  std::span<const PositionalSpec> positionals = {};
  std::array<OptionGroup, 6> groups = {};  ///< empty ones at the end
  std::string_view notes = {};             ///< shown below the options
  std::string_view examples = {};          ///< one command a line
  Result<int> (*run)(const Arguments& arguments, Context& context) = nullptr;
  Listed listed = Listed::yes;
};

/// Options that every command takes.
std::span<const OptionSpec> common_options() noexcept;

/// Null if the command has no such option.
const OptionSpec* find_option(const CommandSpec& command, std::string_view name) noexcept;
const OptionSpec* find_option(const CommandSpec& command, char letter) noexcept;

/// `words` are those after the command's name. All after `--` is positional; so is a negative number.
Result<Arguments> parse(const CommandSpec& command, std::span<const std::string> words);

/// The command that the first words name, and how many of them; null if none does.
struct Chosen {
  const CommandSpec* command = nullptr;
  std::size_t words = 0;
};
Chosen choose(std::span<const CommandSpec* const> commands, std::span<const std::string> words) noexcept;

/// The candidate with the fewest differing letters, if there are few enough to have meant it.
std::optional<std::string> nearest(std::string_view word, std::span<const std::string> candidates);

/// The parts of "text|json"; empty if `placeholder` is not a choice.
std::vector<std::string> choices(std::string_view placeholder);

}  // namespace weft::cli
