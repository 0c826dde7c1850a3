// SPDX-License-Identifier: Apache-2.0
/// `weft label`: labels of a running host.
#include "cli/commands.hpp"
#include "cli/lattice/carry_out.hpp"
#include "cli/lattice/connection.hpp"
#include "cli/lattice_options.hpp"

#include <fmt/format.h>

#include <array>

namespace weft::cli {
namespace {

constexpr std::array kPositionals = std::to_array<PositionalSpec>({
    {.name = "KEY=VALUE", .help = "the label; KEY alone with --delete"},
    {.name = "HOST", .help = "the host; without it the local daemon, or the only one", .need = Need::optional},
});
constexpr std::array kOptions =
    std::to_array<OptionSpec>({{.name = "delete", .value = "", .help = "take the label away"}});

Result<int> run(const Arguments& arguments, Context& context) {
  const auto text = arguments.positional("KEY=VALUE");
  const auto equals = text.find('=');
  const bool removes = arguments.flag("delete");
  if (equals == 0 || text.empty() || (equals == std::string::npos) != removes) {
    return Error(Errc::invalid_argument, fmt::format("'{}' is not {}.", text, removes ? "a label's key" : "a label"),
                 removes ? "Write 'weft label KEY --delete'." : "Write 'weft label KEY=VALUE'.", Blame::operator_);
  }
  WEFT_TRY(const auto connection, Connection::open(arguments, context));
  WEFT_TRY(const auto host_id, connection->host_id(arguments.positional("HOST")));
  const Deed deed{.kind = "label", .id = text, .done = removes ? "deleted" : "set", .host_id = host_id};
  auto& client = connection->client();
  return carry_out_at_once(
      *connection, context, deed,
      removes ? client.delete_label(host_id, text)
              : client.put_label(host_id, {.key = text.substr(0, equals), .value = text.substr(equals + 1)}));
}

}  // namespace

const CommandSpec& label_command() noexcept {
  static const CommandSpec spec{
      .name = "label",
      .summary = "set or delete a label of a host",
      .positionals = kPositionals,
      .groups = {OptionGroup{"Label", kOptions}, OptionGroup{"Connection", connection_options()},
                 OptionGroup{"NATS", nats_options()}},
      .notes = "Labels say which hosts take what is started with '--constraint'.",
      .examples = "weft label zone=b\nweft label zone quiet-harbor --delete",
      .run = run};
  return spec;
}

}  // namespace weft::cli
