// SPDX-License-Identifier: Apache-2.0
/// `weft scale` and `weft update`: a component that runs, with another number of instances or another reference.
#include "cli/commands.hpp"
#include "cli/lattice/carry_out.hpp"
#include "cli/lattice/connection.hpp"
#include "cli/lattice/workload_options.hpp"
#include "cli/lattice/workloads.hpp"
#include "cli/lattice_options.hpp"
#include "cli/option_value.hpp"

#include <fmt/format.h>

#include <array>

namespace weft::cli {
namespace {

constexpr std::array kScale = std::to_array<PositionalSpec>({
    {.name = "COMPONENT", .help = "its id"},
    {.name = "COUNT", .help = "calls that it may serve at once; max: any number; 0 stops it"},
});
constexpr std::array kUpdate = std::to_array<PositionalSpec>({
    {.name = "COMPONENT", .help = "its id"},
    {.name = "REF", .help = "the new file or image"},
});

/// What is not given stays as it is. No inventory says the configurations, so the host is asked; hosts of wasmCloud
/// cannot answer, and take an empty list for "none".
std::vector<std::string> kept_config(Connection& connection, const PlacedComponent& placed, const Arguments& arguments,
                                     const Context& context) {
  if (arguments.flag("config")) return arguments.values("config");
  auto config = connection.wait(connection.client().component_config(placed.host_id, placed.what.id));
  if (config) return *std::move(config);
  if (context.output == OutputFormat::text) {
    context.console.err(
        fmt::format("note: host {} does not say which configurations '{}' has; name them with "
                    "'--config' if it has any\n",
                    placed.host_id, placed.what.id));
  }
  return {};
}

Result<int> scale(const Arguments& arguments, Context& context) {
  WEFT_TRY(const auto count, instance_count(arguments.positional("COUNT")));
  WEFT_TRY(auto annotations, read_pairs(arguments, "annotation"));
  WEFT_TRY(auto limits, component_limits(arguments));
  WEFT_TRY(const auto connection, Connection::open(arguments, context));
  WEFT_TRY(auto placed, find_component(*connection, arguments.positional("COMPONENT")));
  const wire::ScaleComponent command{
      .component_id = placed.what.id,
      .component_ref = placed.what.image_ref,
      .count = count,
      .annotations = arguments.flag("annotation") ? std::move(annotations) : placed.what.annotations,
      .component_limits = limits ? std::move(limits) : placed.what.limits,
      .host_id = placed.host_id,
      .config = kept_config(*connection, placed, arguments, context),
      .allow_update = false};
  const Deed deed{.kind = "component",
                  .id = command.component_id,
                  .done = count == 0 ? "stopped" : "serves",
                  .host_id = command.host_id};
  return carry_out(
      *connection, arguments, context, deed, [&] { return connection->client().scale(command); },
      lattice::expect_component(command.host_id, command.component_id));
}

Result<int> update(const Arguments& arguments, Context& context) {
  WEFT_TRY(const auto connection, Connection::open(arguments, context));
  WEFT_TRY(const auto placed, find_component(*connection, arguments.positional("COMPONENT")));
  const wire::UpdateComponent command{.component_id = placed.what.id,
                                      .new_component_ref = absolute_reference(arguments.positional("REF")),
                                      .host_id = placed.host_id,
                                      .annotations = placed.what.annotations};
  const Deed deed{.kind = "component", .id = placed.what.id, .done = "updated", .host_id = placed.host_id};
  // Hosts of wasmCloud publish nothing when an update fails, so their answer has to do.
  return carry_out(
      *connection, arguments, context, deed, [&] { return connection->client().update(command); },
      lattice::expect_answer(placed.host_id));
}

}  // namespace

const CommandSpec& scale_command() noexcept {
  static const CommandSpec spec{
      .name = "scale",
      .summary = "let a component serve more or fewer calls at once",
      .positionals = kScale,
      .groups = {OptionGroup{"Component", component_scale_options()}, OptionGroup{"Waiting", wait_options()},
                 OptionGroup{"Connection", connection_options()}, OptionGroup{"NATS", nats_options()}},
      .notes = "Reference, configurations, annotations and limits stay as they are unless they are given.",
      .examples = "weft scale shop-cart 100\nweft scale shop-cart max --config shop-cart",
      .run = scale};
  return spec;
}

const CommandSpec& update_command() noexcept {
  static const CommandSpec spec{
      .name = "update",
      .summary = "let a component run another file or image",
      .positionals = kUpdate,
      .groups = {OptionGroup{"Waiting", wait_options()}, OptionGroup{"Connection", connection_options()},
                 OptionGroup{"NATS", nats_options()}},
      .notes = "Calls in flight end in the old one; a new one that does not load leaves the old one in its place.",
      .examples = "weft update shop-cart registry.example.net/shop/cart:1.5.0\nweft update shop-cart ./cart.wasm",
      .run = update};
  return spec;
}

}  // namespace weft::cli
