// SPDX-License-Identifier: Apache-2.0
/// `weft ops`: the journal of a host's commands.
#include "cli/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/lattice/connection.hpp"
#include "cli/lattice/queries.hpp"
#include "cli/lattice/table.hpp"
#include "cli/lattice_options.hpp"
#include "cli/option_value.hpp"
#include "cli/parse_number.hpp"

#include <fmt/format.h>

#include <array>

namespace weft::cli {
namespace {

constexpr std::array kPositionals = std::to_array<PositionalSpec>(
    {{.name = "ID", .help = "one operation only, by the beginning of its id", .need = Need::optional}});
constexpr std::array kOptions =
    std::to_array<OptionSpec>({{.name = "lines", .value = "N", .help = "the newest ones only", .fallback = "50"}});

std::string_view state_text(lattice::OperationState state) {
  switch (state) {
    case lattice::OperationState::running:
      return "running";
    case lattice::OperationState::done:
      return "done";
    case lattice::OperationState::failed:
      break;
  }
  return "failed";
}

Result<std::vector<lattice::Operation>> select(std::vector<lattice::Operation> all, const Arguments& arguments) {
  const auto wanted = arguments.positional("ID");
  if (!wanted.empty()) {
    std::erase_if(all, [&](const lattice::Operation& operation) { return !operation.id.starts_with(wanted); });
    if (!all.empty()) return all;
    return Error(Errc::not_found, fmt::format("The host knows no operation '{}'.", wanted),
                 "A host keeps its last operations only: see 'weft ops', or name another with '--host'.",
                 Blame::operator_);
  }
  const auto lines = parse_whole(arguments.value("lines").value_or("50"), 1'000'000);
  if (!lines) {
    return Error(Errc::invalid_argument, "'--lines' is not a number.", "Write a whole number.", Blame::operator_);
  }
  if (all.size() > *lines) all.resize(*lines);
  return all;
}

Result<int> run(const Arguments& arguments, Context& context) {
  WEFT_TRY(const auto connection, Connection::open(arguments, context));
  WEFT_TRY(auto host_id, connection->host_id());
  WEFT_TRY(auto all, connection->wait(connection->client().operations(std::move(host_id))));
  WEFT_TRY(const auto operations, select(std::move(all), arguments));
  if (context.output == OutputFormat::json) return print_json(context, "operations", lattice::encode(operations));
  Table table{"ID", "COMMAND", "ABOUT", "STATE", "STARTED", "MESSAGE"};
  for (const auto& operation : operations) {
    table.add({operation.id, operation.kind, operation.about, std::string(state_text(operation.state)),
               operation.started, operation.message});
  }
  context.console.out(table.text("no operations"));
  return kExitSuccess;
}

}  // namespace

const CommandSpec& ops_command() noexcept {
  static const CommandSpec spec{
      .name = "ops",
      .summary = "show what commands a host was given, and what came of them",
      .positionals = kPositionals,
      .groups = {OptionGroup{"Shown", kOptions}, OptionGroup{"Connection", connection_options()},
                 OptionGroup{"NATS", nats_options()}},
      .notes = "The newest first.",
      .examples = "weft ops\nweft ops 0199c1de",
      .run = run};
  return spec;
}

}  // namespace weft::cli
