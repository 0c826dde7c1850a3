// SPDX-License-Identifier: Apache-2.0
/// `weft start component` and `weft start provider`.
#include "cli/commands.hpp"
#include "cli/lattice/carry_out.hpp"
#include "cli/lattice/connection.hpp"
#include "cli/lattice/workload_options.hpp"
#include "cli/lattice/workloads.hpp"
#include "cli/lattice_options.hpp"
#include "cli/option_value.hpp"

#include <array>

namespace weft::cli {
namespace {

constexpr std::array kComponent = std::to_array<PositionalSpec>({
    {.name = "REF", .help = "a file of the host's machine, or an image of a registry"},
    {.name = "ID", .help = "what it is to be called in the lattice"},
});
constexpr std::array kProvider = std::to_array<PositionalSpec>({
    {.name = "REF", .help = "as for components, or wasmcloud+builtin://NAME for one that is part of the host"},
    {.name = "ID", .help = "what it is to be called in the lattice"},
});

Result<int> start_component(const Arguments& arguments, Context& context) {
  wire::ScaleComponent command;
  command.component_ref = absolute_reference(arguments.positional("REF"));
  command.component_id = arguments.positional("ID");
  WEFT_CHECK(wire::check_workload_id(command.component_id));
  WEFT_TRY(const auto count, instance_count(arguments.value("count").value_or("1")));
  command.count = count;
  command.config = arguments.values("config");
  WEFT_TRY(command.annotations, read_pairs(arguments, "annotation"));
  WEFT_TRY(command.component_limits, component_limits(arguments));
  WEFT_TRY(auto constraints, read_pairs(arguments, "constraint"));

  WEFT_TRY(const auto connection, Connection::open(arguments, context));
  WEFT_TRY(command.host_id,
           host_for(*connection, wire::AuctionKind::component,
                    {.ref = command.component_ref, .id = command.component_id, .constraints = std::move(constraints)}));
  const Deed deed{.kind = "component", .id = command.component_id, .done = "serves", .host_id = command.host_id};
  return carry_out(
      *connection, arguments, context, deed, [&] { return connection->client().scale(command); },
      lattice::expect_component(command.host_id, command.component_id));
}

Result<int> start_provider(const Arguments& arguments, Context& context) {
  wire::StartProvider command;
  command.provider_ref = absolute_reference(arguments.positional("REF"));
  command.provider_id = arguments.positional("ID");
  WEFT_CHECK(wire::check_workload_id(command.provider_id));
  command.config = arguments.values("config");
  WEFT_TRY(command.annotations, read_pairs(arguments, "annotation"));
  WEFT_TRY(auto constraints, read_pairs(arguments, "constraint"));

  WEFT_TRY(const auto connection, Connection::open(arguments, context));
  WEFT_TRY(command.host_id,
           host_for(*connection, wire::AuctionKind::provider,
                    {.ref = command.provider_ref, .id = command.provider_id, .constraints = std::move(constraints)}));
  const Deed deed{.kind = "provider", .id = command.provider_id, .done = "runs", .host_id = command.host_id};
  return carry_out(
      *connection, arguments, context, deed, [&] { return connection->client().start_provider(command); },
      lattice::expect_provider_start(command.host_id, command.provider_id));
}

}  // namespace

const CommandSpec& start_component_command() noexcept {
  static const CommandSpec spec{
      .name = "start component",
      .summary = "run a component on a host",
      .positionals = kComponent,
      .groups = {OptionGroup{"Component", component_start_options()}, OptionGroup{"Waiting", wait_options()},
                 OptionGroup{"Connection", connection_options()}, OptionGroup{"NATS", nats_options()}},
      .notes =
          "A path becomes file:///absolute/path, which the host must be allowed to load ('--allow-file-load').\n"
          "Without '--host' the local daemon runs it, or the first host that has the labels of '--constraint'.",
      .examples =
          "weft start component ./cart.wasm shop-cart --count 50\n"
          "weft start component registry.example.net/shop/cart:1.4.0 shop-cart --constraint zone=b",
      .run = start_component};
  return spec;
}

const CommandSpec& start_provider_command() noexcept {
  static const CommandSpec spec{
      .name = "start provider",
      .summary = "run a provider on a host",
      .positionals = kProvider,
      .groups = {OptionGroup{"Provider", provider_start_options()}, OptionGroup{"Waiting", wait_options()},
                 OptionGroup{"Connection", connection_options()}, OptionGroup{"NATS", nats_options()}},
      .notes = "Its settings are a configuration: write one with 'weft config put' and name it with '--config'.",
      .examples =
          "weft start provider wasmcloud+builtin://http-server shop-http --config shop-http\n"
          "weft start provider ghcr.io/wasmcloud/keyvalue-redis:0.28.0 shop-kv",
      .run = start_provider};
  return spec;
}

}  // namespace weft::cli
