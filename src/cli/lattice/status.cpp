// SPDX-License-Identifier: Apache-2.0
/// `weft status`: one host at a glance.
#include "cli/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/json_text.hpp"
#include "cli/lattice/connection.hpp"
#include "cli/lattice_options.hpp"
#include "cli/utf8.hpp"

#include <fmt/format.h>

#include <array>

namespace weft::cli {
namespace {

constexpr std::array kPositionals = std::to_array<PositionalSpec>(
    {{.name = "HOST", .help = "the host; without it the local daemon, or the only one", .need = Need::optional}});

Result<int> run(const Arguments& arguments, Context& context) {
  WEFT_TRY(const auto connection, Connection::open(arguments, context));
  WEFT_TRY(const auto host, connection->host(arguments.positional("HOST")));
  WEFT_TRY(const auto inventory, connection->wait(connection->client().inventory(host.id)));
  WEFT_TRY(const auto links, connection->wait(connection->client().links()));
  if (context.output == OutputFormat::json) {
    JsonObject object;
    object.text("id", host.id).text("name", host.friendly_name).text("lattice", host.lattice);
    object.text("version", host.version).number("uptime_seconds", host.uptime_seconds).text("bus", host.ctl_host);
    object.raw("labels", wire::encode(host.labels)).number("components", inventory.components.size());
    object.number("providers", inventory.providers.size()).number("links", links.size());
    context.console.out(object.str() + "\n");
    return kExitSuccess;
  }
  const auto line = [&](std::string_view name, std::string_view value) {
    context.console.out(fmt::format("{:<12}{}\n", name, printable(value)));
  };
  line("host", host.id);
  line("name", host.friendly_name);
  line("lattice", host.lattice);
  line("version", host.version);
  line("up", host.uptime_human);
  line("bus", host.ctl_host);
  line("components", fmt::format("{}", inventory.components.size()));
  line("providers", fmt::format("{}", inventory.providers.size()));
  line("links", fmt::format("{}", links.size()));
  return kExitSuccess;
}

}  // namespace

const CommandSpec& status_command() noexcept {
  static const CommandSpec spec{
      .name = "status",
      .summary = "show a host at a glance",
      .positionals = kPositionals,
      .groups = {OptionGroup{"Connection", connection_options()}, OptionGroup{"NATS", nats_options()}},
      .notes =
          "Which lattice is meant: '--nats', '--data-dir', '--socket' or '--context', else WEFT_NATS, WEFT_CONTEXT or\n"
          "WEFT_DATA_DIR, else WASMCLOUD_CTL_HOST and its like, else the current context, else the local daemon.\n"
          "Contexts are in $XDG_CONFIG_HOME/weft/contexts.json or ~/.config/weft/contexts.json:\n"
          R"(  {"current": "shop", "contexts": {"shop": {"nats": ["nats://10.0.0.5:4222"], "lattice": "shop"}}})",
      .examples = "weft status\nweft status quiet-harbor --context shop",
      .run = run};
  return spec;
}

}  // namespace weft::cli
