// SPDX-License-Identifier: Apache-2.0
/// `weft tree`: what a host supervises.
#include "cli/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/lattice/connection.hpp"
#include "cli/lattice/json_value.hpp"
#include "cli/lattice_options.hpp"
#include "cli/utf8.hpp"

#include <fmt/format.h>

#include <array>

namespace weft::cli {
namespace {

/// Deeper trees are not made; a peer's must not exhaust the stack either.
constexpr std::size_t kMaxDepth = 32;

constexpr std::array kPositionals = std::to_array<PositionalSpec>(
    {{.name = "HOST", .help = "the host; without it the local daemon, or the only one", .need = Need::optional}});

std::string describe(const boost::json::value& node) {
  std::string text = fmt::format("{} [{}] {}", text_at(node, "name"), text_at(node, "kind"), text_at(node, "state"));
  if (const auto strategy = text_at(node, "strategy"); !strategy.empty()) text += " " + strategy;
  if (const auto restarts = number_at(node, "restarts"); restarts > 0) text += fmt::format(" restarts={}", restarts);
  if (const auto* failure = member(node, "lastFailure")) {
    text += fmt::format(" (failed {}: {})", text_at(*failure, "at"), text_at(*failure, "text"));
  }
  return printable(text) + "\n";
}

void append(std::string& text, const boost::json::value& node, const std::string& indent, std::size_t depth) {
  text += describe(node);
  const auto* children = member(node, "children");
  if (children == nullptr || depth == kMaxDepth) return;
  const auto list = elements(*children);
  for (std::size_t i = 0; i < list.size(); ++i) {
    const bool last = i + 1 == list.size();
    text += indent + (last ? "└─ " : "├─ ");
    append(text, list[i], indent + (last ? "   " : "│  "), depth + 1);
  }
}

Result<int> run(const Arguments& arguments, Context& context) {
  WEFT_TRY(const auto connection, Connection::open(arguments, context));
  WEFT_TRY(auto host_id, connection->host_id(arguments.positional("HOST")));
  WEFT_TRY(const auto answer, connection->wait(connection->client().ask(std::move(host_id), "tree", {},
                                                                        connection->target().answer_timeout)));
  WEFT_TRY(const auto root, parse_json(answer, "The host's tree"));
  if (context.output == OutputFormat::json) {
    context.console.out(answer + "\n");
    return kExitSuccess;
  }
  std::string text;
  append(text, root, "", 0);
  context.console.out(text);
  return kExitSuccess;
}

}  // namespace

const CommandSpec& tree_command() noexcept {
  static const CommandSpec spec{
      .name = "tree",
      .summary = "show what a host supervises, with restarts and last failures",
      .positionals = kPositionals,
      .groups = {OptionGroup{"Connection", connection_options()}, OptionGroup{"NATS", nats_options()}},
      .notes = "",
      .examples = "weft tree\nweft tree quiet-harbor --output json",
      .run = run};
  return spec;
}

}  // namespace weft::cli
