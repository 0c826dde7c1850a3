// SPDX-License-Identifier: Apache-2.0
#include "cli/command_line.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace weft::cli {
namespace {

constexpr std::array kCommon = std::to_array<OptionSpec>({
    {.name = "output",
     .value = "text|json",
     .help = "how results, errors and log lines are printed",
     .fallback = "text",
     .letter = 'o'},
    {.name = "help", .value = "", .help = "print this and leave", .letter = 'h'},
});

bool is_number_like(std::string_view word) {
  return word.size() > 1 && word[0] == '-' && ((word[1] >= '0' && word[1] <= '9') || word[1] == '.');
}

bool is_option_like(std::string_view word) { return word.size() > 1 && word[0] == '-' && !is_number_like(word); }

template <class Matches>
const OptionSpec* find_if(const CommandSpec& command, Matches matches) noexcept {
  for (const OptionGroup& group : command.groups) {
    for (const OptionSpec& option : group.options) {
      if (matches(option)) return &option;
    }
  }
  for (const OptionSpec& option : common_options()) {
    if (matches(option)) return &option;
  }
  return nullptr;
}

std::vector<std::string> option_names(const CommandSpec& command) {
  std::vector<std::string> names;
  auto collect = [&](std::span<const OptionSpec> options) {
    for (const OptionSpec& option : options) names.push_back(fmt::format("--{}", option.name));
  };
  for (const OptionGroup& group : command.groups) collect(group.options);
  collect(common_options());
  return names;
}

Error usage_error(const CommandSpec& command, std::string message, std::string hint = {}) {
  if (hint.empty()) hint = fmt::format("Read 'weft help {}'.", command.name);
  return Error(Errc::invalid_argument, std::move(message), std::move(hint), Blame::operator_);
}

Error unknown_option(const CommandSpec& command, std::string_view word) {
  const std::string name(word.substr(0, word.find('=')));
  std::string hint;
  if (auto near = nearest(name, option_names(command))) {
    hint = fmt::format("Did you mean '{}'?", *near);
  } else if (std::ranges::any_of(command.positionals,
                                 [](const PositionalSpec& spec) { return spec.repeat == Repeat::many; })) {
    hint = fmt::format(
        "Write '--' before arguments that begin with a dash and are not meant for weft, or read 'weft help {}'.",
        command.name);
  }
  return usage_error(command, fmt::format("'weft {}' has no option '{}'.", command.name, name), std::move(hint));
}

/// Walks the words once; `next_` is the word to be read.
class Parser {
 public:
  Parser(const CommandSpec& command, std::span<const std::string> words) : command_(command), words_(words) {}

  Result<Arguments> run() {
    bool only_positionals = false;
    while (next_ < words_.size()) {
      const std::string& word = words_[next_++];
      if (only_positionals || !is_option_like(word)) {
        WEFT_CHECK(positional(word));
      } else if (word == "--") {
        only_positionals = true;
      } else if (word.starts_with("--")) {
        WEFT_CHECK(long_option(word));
      } else {
        WEFT_CHECK(short_options(word));
      }
    }
    if (!arguments_.flag("help")) WEFT_CHECK(all_required());
    return std::move(arguments_);
  }

 private:
  Result<void> positional(const std::string& word) {
    if (place_ == command_.positionals.size()) {
      return usage_error(command_, fmt::format("'weft {}' has no use for the argument '{}'.", command_.name, word));
    }
    const PositionalSpec& spec = command_.positionals[place_];
    arguments_.add_positional(spec.name, word);
    if (spec.repeat == Repeat::once) ++place_;
    return {};
  }

  Result<void> long_option(const std::string& word) {
    const std::size_t equals = word.find('=');
    const std::string name = word.substr(2, equals == std::string::npos ? equals : equals - 2);
    const OptionSpec* option = find_option(command_, name);
    if (option == nullptr) return unknown_option(command_, word);
    if (equals == std::string::npos) return take(*option, std::nullopt);
    return take(*option, word.substr(equals + 1));
  }

  /// `-o json`, `-ojson`, `-o=json`, or several flags in one word.
  Result<void> short_options(const std::string& word) {
    for (std::size_t i = 1; i < word.size(); ++i) {
      const OptionSpec* option = find_option(command_, word[i]);
      if (option == nullptr) return unknown_option(command_, word);
      if (option->value.empty()) {
        WEFT_CHECK(take(*option, std::nullopt));
        continue;
      }
      if (i + 1 == word.size()) return take(*option, std::nullopt);
      return take(*option, word.substr(word[i + 1] == '=' ? i + 2 : i + 1));
    }
    return {};
  }

  Result<void> take(const OptionSpec& option, std::optional<std::string> value) {
    if (option.value.empty()) {
      if (value)
        return usage_error(command_, fmt::format("'--{}' takes no value, but was given '{}'.", option.name, *value));
      arguments_.add_option(option.name, {});
      return {};
    }
    if (!value) {
      if (next_ == words_.size() || words_[next_] == "--") {
        return usage_error(command_, fmt::format("'--{}' has no value.", option.name),
                           fmt::format("Write '--{} {}'.", option.name, option.value));
      }
      value = words_[next_++];
    }
    const std::vector<std::string> allowed = choices(option.value);
    if (!allowed.empty() && std::ranges::find(allowed, *value) == allowed.end()) {
      return usage_error(command_, fmt::format("'{}' is not a value of '--{}'.", *value, option.name),
                         fmt::format("Use one of: {}.", fmt::join(allowed, ", ")));
    }
    if (option.repeat == Repeat::once && arguments_.flag(option.name)) {
      return usage_error(command_, fmt::format("'--{}' is given twice.", option.name), "Give it once.");
    }
    arguments_.add_option(option.name, *std::move(value));
    return {};
  }

  Result<void> all_required() const {
    for (const PositionalSpec& spec : command_.positionals) {
      if (spec.need == Need::required && arguments_.positionals(spec.name).empty()) {
        return usage_error(command_,
                           fmt::format("'weft {}' needs the argument {}: {}.", command_.name, spec.name, spec.help));
      }
    }
    return {};
  }

  const CommandSpec& command_;
  std::span<const std::string> words_;
  std::size_t next_ = 0;
  std::size_t place_ = 0;
  Arguments arguments_;
};

std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0U);
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t above = row[j + 1];
      row[j + 1] = std::min({above + 1, row[j] + 1, diagonal + (a[i] == b[j] ? 0U : 1U)});
      diagonal = above;
    }
  }
  return row.back();
}

}  // namespace

std::optional<std::string> Arguments::value(std::string_view option) const {
  const auto found = options_.find(option);
  if (found == options_.end()) return std::nullopt;
  return found->second.back();
}

std::vector<std::string> Arguments::values(std::string_view option) const {
  const auto found = options_.find(option);
  return found == options_.end() ? std::vector<std::string>{} : found->second;
}

std::string Arguments::positional(std::string_view name) const {
  const auto found = positionals_.find(name);
  return found == positionals_.end() ? std::string{} : found->second.front();
}

std::vector<std::string> Arguments::positionals(std::string_view name) const {
  const auto found = positionals_.find(name);
  return found == positionals_.end() ? std::vector<std::string>{} : found->second;
}

std::span<const OptionSpec> common_options() noexcept { return kCommon; }

const OptionSpec* find_option(const CommandSpec& command, std::string_view name) noexcept {
  return find_if(command, [&](const OptionSpec& option) { return option.name == name; });
}

const OptionSpec* find_option(const CommandSpec& command, char letter) noexcept {
  return find_if(command, [&](const OptionSpec& option) { return option.letter != 0 && option.letter == letter; });
}

Result<Arguments> parse(const CommandSpec& command, std::span<const std::string> words) {
  return Parser(command, words).run();
}

Chosen choose(std::span<const CommandSpec* const> commands, std::span<const std::string> words) noexcept {
  Chosen best;
  for (const CommandSpec* command : commands) {
    std::string_view rest = command->name;
    std::size_t matched = 0;
    while (!rest.empty() && matched < words.size()) {
      const std::string_view part = rest.substr(0, rest.find(' '));
      if (words[matched] != part) break;
      ++matched;
      rest.remove_prefix(std::min(rest.size(), part.size() + 1));
    }
    if (rest.empty() && matched > best.words) best = {command, matched};
  }
  return best;
}

std::optional<std::string> nearest(std::string_view word, std::span<const std::string> candidates) {
  std::optional<std::string> best;
  std::size_t best_distance = word.size() / 3 + 2;
  for (const std::string& candidate : candidates) {
    const std::size_t d = distance(word, candidate);
    if (d < best_distance && d < candidate.size()) {
      best = candidate;
      best_distance = d;
    }
  }
  return best;
}

std::vector<std::string> choices(std::string_view placeholder) {
  std::vector<std::string> parts;
  const bool only_words = std::ranges::all_of(placeholder, [](char c) { return (c >= 'a' && c <= 'z') || c == '|'; });
  if (!only_words || !placeholder.contains('|')) return parts;
  while (true) {
    const std::size_t bar = placeholder.find('|');
    parts.emplace_back(placeholder.substr(0, bar));
    if (bar == std::string_view::npos) return parts;
    placeholder.remove_prefix(bar + 1);
  }
}

}  // namespace weft::cli
