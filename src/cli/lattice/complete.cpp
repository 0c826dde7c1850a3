// SPDX-License-Identifier: Apache-2.0
/// `weft complete`: the names that completions offer. Hidden: for the scripts of `weft completions`. It must be quick
/// and silent, because it runs while a person types: what fails prints nothing.
#include "cli/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/lattice/connection.hpp"
#include "cli/lattice/contexts.hpp"
#include "cli/lattice/json_value.hpp"
#include "cli/lattice_options.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <set>

namespace weft::cli {
namespace {

constexpr std::chrono::milliseconds kPatience{300};

constexpr std::array kPositionals = std::to_array<PositionalSpec>(
    {{.name = "KIND", .help = "components, providers, workloads, hosts, configs or contexts"}});

using Names = std::set<std::string>;

Names workloads(Connection& connection, std::string_view kind) {
  Names names;
  const auto inventories = connection.inventories();
  if (!inventories) return names;
  for (const auto& host : *inventories) {
    if (kind != "providers") {
      for (const auto& component : host.components) names.insert(component.id);
    }
    if (kind != "components") {
      for (const auto& provider : host.providers) names.insert(provider.id);
    }
  }
  return names;
}

Names hosts(Connection& connection) {
  Names names;
  const auto all = connection.hosts();
  if (!all) return names;
  for (const auto& host : *all) names.insert(host.friendly_name);
  return names;
}

/// All there are; of a lattice without a host of weft, which alone can list them, those that links name.
Names configs(Connection& connection) {
  Names names;
  if (auto host = connection.host_id()) {
    const auto answer =
        connection.wait(connection.client().ask(*std::move(host), "configs", {}, connection.target().answer_timeout));
    const auto listed = answer ? parse_json(*answer, "The host's configurations") : Result<boost::json::value>(nullptr);
    for (const auto& name : listed ? elements(*listed) : std::vector<boost::json::value>()) {
      if (name.is_string()) names.emplace(name.as_string());
    }
    if (!names.empty()) return names;
  }
  const auto links = connection.wait(connection.client().links());
  if (!links) return names;
  for (const auto& link : *links) {
    names.insert(link.source_config.begin(), link.source_config.end());
    names.insert(link.target_config.begin(), link.target_config.end());
  }
  return names;
}

Names contexts(const Context& context) {
  Names names;
  const auto all = read_contexts(context);
  if (!all) return names;
  for (const auto& [name, target] : all->named) names.insert(name);
  return names;
}

Names names_of(std::string_view kind, const Arguments& arguments, const Context& context) {
  if (kind == "contexts") return contexts(context);
  auto target = lattice_target(arguments, context);
  if (!target) return {};
  target->answer_timeout = std::min(target->answer_timeout, kPatience);
  target->gather = std::min(target->gather, kPatience);
  const auto connection = Connection::open(*std::move(target), context);
  if (!connection) return {};
  if (kind == "hosts") return hosts(**connection);
  if (kind == "configs") return configs(**connection);
  return workloads(**connection, kind);
}

Result<int> run(const Arguments& arguments, Context& context) {
  for (const auto& name : names_of(arguments.positional("KIND"), arguments, context)) {
    // A name that would mean something to a shell is not offered.
    if (std::ranges::all_of(name, [](unsigned char c) { return std::isalnum(c) != 0 || c == '-' || c == '_'; })) {
      context.console.out(name + "\n");
    }
  }
  return kExitSuccess;
}

}  // namespace

const CommandSpec& complete_command() noexcept {
  static const CommandSpec spec{
      .name = "complete",
      .summary = "print the names of a kind, for completions",
      .positionals = kPositionals,
      .groups = {OptionGroup{"Connection", connection_options()}, OptionGroup{"NATS", nats_options()}},
      .notes = "",
      .examples = "weft complete components",
      .run = run,
      .listed = Listed::no};
  return spec;
}

}  // namespace weft::cli
