// SPDX-License-Identifier: Apache-2.0
/// `weft config put`, `weft config get` and `weft config del`: named settings of the lattice.
#include "cli/commands.hpp"
#include "cli/lattice/carry_out.hpp"
#include "cli/lattice/connection.hpp"
#include "cli/lattice/queries.hpp"
#include "cli/lattice_options.hpp"
#include "cli/option_value.hpp"

#include <array>

namespace weft::cli {
namespace {

constexpr std::array kPut = std::to_array<PositionalSpec>({
    {.name = "CONFIG", .help = "its name"},
    {.name = "K=V", .help = "all that it is to hold", .repeat = Repeat::many},
});
constexpr std::array kName = std::to_array<PositionalSpec>({{.name = "CONFIG", .help = "its name"}});

Result<int> put(const Arguments& arguments, Context& context) {
  const auto name = arguments.positional("CONFIG");
  WEFT_TRY(auto values, parse_pairs(arguments.positionals("K=V"), "a key and its value"));
  WEFT_TRY(const auto connection, Connection::open(arguments, context));
  const Deed deed{.kind = "config", .id = name, .done = "set", .host_id = {}};
  return carry_out_at_once(*connection, context, deed, connection->client().put_config(name, values));
}

Result<int> del(const Arguments& arguments, Context& context) {
  const auto name = arguments.positional("CONFIG");
  WEFT_TRY(const auto connection, Connection::open(arguments, context));
  const Deed deed{.kind = "config", .id = name, .done = "deleted", .host_id = {}};
  return carry_out_at_once(*connection, context, deed, connection->client().delete_config(name));
}

}  // namespace

const CommandSpec& config_put_command() noexcept {
  static const CommandSpec spec{
      .name = "config put",
      .summary = "write a configuration, in place of what it held",
      .positionals = kPut,
      .groups = {OptionGroup{"Connection", connection_options()}, OptionGroup{"NATS", nats_options()}},
      .notes = "Components and providers that were started with it learn of the change.",
      .examples = "weft config put shop-http address=0.0.0.0:8080 readonly=false",
      .run = put};
  return spec;
}

const CommandSpec& config_get_command() noexcept {
  static const CommandSpec spec{
      .name = "config get",
      .summary = "show one configuration",
      .positionals = kName,
      .groups = {OptionGroup{"Connection", connection_options()}, OptionGroup{"NATS", nats_options()}},
      .notes = "",
      .examples = "weft config get shop-http",
      .run = show_config};
  return spec;
}

const CommandSpec& config_del_command() noexcept {
  static const CommandSpec spec{
      .name = "config del",
      .summary = "delete a configuration",
      .positionals = kName,
      .groups = {OptionGroup{"Connection", connection_options()}, OptionGroup{"NATS", nats_options()}},
      .notes = "It is no failure if there is none. What uses it sees it empty.",
      .examples = "weft config del shop-http",
      .run = del};
  return spec;
}

}  // namespace weft::cli
