// SPDX-License-Identifier: Apache-2.0
#include "cli/commands.hpp"

#include "cli/exit_code.hpp"
#include "cli/help.hpp"
#include "cli/host_command.hpp"
#include "cli/registry/claims_token.hpp"
#include "cli/report.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <exception>
#include <new>
#include <ranges>

namespace weft::cli {
namespace {

/// Takes `--output X` off the front, and looks for it everywhere, because an error in the rest must already be printed
/// in that format.
std::span<const std::string> read_output_format(std::span<const std::string> words, Context& context) {
  std::span<const std::string> rest = words;
  bool at_front = true;
  for (std::size_t i = 0; i < words.size() && words[i] != "--"; ++i) {
    std::string_view value;
    std::size_t taken = 1;
    if ((words[i] == "--output" || words[i] == "-o") && i + 1 < words.size()) {
      value = words[i + 1];
      taken = 2;
    } else if (words[i].starts_with("--output=")) {
      value = std::string_view(words[i]).substr(9);
    } else if (words[i].starts_with("-o")) {
      value = std::string_view(words[i]).substr(words[i].starts_with("-o=") ? 3 : 2);
    }
    if (value != "json" && value != "text") {
      at_front = false;
      continue;
    }
    context.output = value == "json" ? OutputFormat::json : OutputFormat::text;
    if (at_front) rest = words.subspan(i + taken);
    i += taken - 1;
  }
  return rest;
}

Error unknown_command(std::span<const std::string> words) {
  if (const auto group = group_of(words[0]); !group.empty()) {
    return Error(
        Errc::invalid_argument, fmt::format("'weft {}' is a group of commands.", words[0]),
        fmt::format("Use one of: weft {}.", fmt::join(group | std::views::transform(&CommandSpec::name), ", weft ")),
        Blame::operator_);
  }
  std::vector<std::string> names;
  for (const CommandSpec* command : commands()) {
    if (command->listed == Listed::yes) names.emplace_back(command->name);
  }
  const auto near = nearest(words[0], names);
  return Error(Errc::invalid_argument, fmt::format("weft has no command '{}'.", words[0]),
               near ? fmt::format("Did you mean 'weft {}'?", *near) : "Read 'weft help'.", Blame::operator_);
}

Result<int> dispatch(std::span<const std::string> all_words, Context& context) {
  const std::span<const std::string> words = read_output_format(all_words, context);
  if (words.empty() && started_by_wash(context)) return host_command().run(Arguments{}, context);
  if (words.empty() && context.output == OutputFormat::json) {
    return Error(Errc::invalid_argument, "weft was given no command.", "Read 'weft help'.", Blame::operator_);
  }
  if (words.empty()) {
    context.console.err(general_help(commands()));
    return kExitUsage;
  }
  if (words[0] == "--help" || words[0] == "-h") {
    print_general_help(context);
    return kExitSuccess;
  }
  if (words[0] == "--version" || words[0] == "-V") return version_command().run(Arguments{}, context);
  const Chosen chosen = choose(commands(), words);
  if (chosen.command == nullptr) {
    const auto group = group_of(words[0]);
    const bool asks = std::ranges::any_of(words, [](const auto& word) { return word == "--help" || word == "-h"; });
    if (group.empty() || !asks) return unknown_command(words);
    print_group_help(words[0], group, context);
    return kExitSuccess;
  }
  WEFT_TRY(const Arguments arguments, parse(*chosen.command, words.subspan(chosen.words)));
  if (arguments.flag("help")) {
    print_command_help(*chosen.command, context);
    return kExitSuccess;
  }
  return chosen.command->run(arguments, context);
}

int finish(Result<int> outcome, const Context& context) {
  if (!outcome) return report(outcome.error(), context);
  if (*outcome == kExitSuccess && context.console.out_failed()) {
    return report(Error(Errc::io, "The output could not be written.", "Check the disk or the program that reads it.",
                        Blame::environment),
                  context);
  }
  return *outcome;
}

}  // namespace

std::span<const CommandSpec* const> commands() noexcept {
  static const std::array all{&up_command(),
                              &down_command(),
                              &status_command(),
                              &host_command(),
                              &run_command(),
                              &call_command(),
                              &get_hosts_command(),
                              &get_inventory_command(),
                              &get_components_command(),
                              &get_providers_command(),
                              &get_links_command(),
                              &get_config_command(),
                              &get_claims_command(),
                              &start_component_command(),
                              &start_provider_command(),
                              &stop_component_command(),
                              &stop_provider_command(),
                              &stop_host_command(),
                              &scale_command(),
                              &update_command(),
                              &link_put_command(),
                              &link_del_command(),
                              &link_get_command(),
                              &config_put_command(),
                              &config_get_command(),
                              &config_del_command(),
                              &config_show_command(),
                              &label_command(),
                              &tree_command(),
                              &ops_command(),
                              &events_command(),
                              &logs_command(),
                              &spy_command(),
                              &push_command(),
                              &pull_command(),
                              &par_create_command(),
                              &par_insert_command(),
                              &par_inspect_command(),
                              &claims_sign_command(),
                              &claims_inspect_command(),
                              &claims_token_command(),
                              &keys_gen_command(),
                              &keys_get_command(),
                              &keys_list_command(),
                              &inspect_command(),
                              &compile_command(),
                              &wit_bindgen_command(),
                              &wit_new_command(),
                              &version_command(),
                              &completions_command(),
                              &complete_command(),
                              &help_command()};
  return all;
}

std::vector<const CommandSpec*> group_of(std::string_view word) {
  std::vector<const CommandSpec*> group;
  for (const CommandSpec* command : commands()) {
    const auto& name = command->name;
    if (command->listed == Listed::yes && name.starts_with(word) && name.substr(word.size()).starts_with(' ')) {
      group.push_back(command);
    }
  }
  return group;
}

int run_weft(std::span<const std::string> words, Context& context) noexcept {
  // The fence of the program: std may throw, and nothing else may see it.
  try {
    return finish(dispatch(words, context), context);
  } catch (const std::bad_alloc&) {
    // Literals, because there is nothing left to make text in.
    context.console.err(
        context.output == OutputFormat::json
            ? "{\"error\":{\"code\":\"resource_exhausted\",\"message\":\"weft ran out of memory.\",\"exit_code\":6}}\n"
            : "error: weft ran out of memory.\n  fix: Lower '--shards' or '--max-concurrent', or free memory.\n");
    return exit_code(Errc::resource_exhausted);
  } catch (const std::exception& failure) {
    return report(Error(Errc::internal, fmt::format("weft failed for an unforeseen reason: {}.", failure.what()),
                        "Report this with the command that was run."),
                  context);
  }
}

}  // namespace weft::cli
