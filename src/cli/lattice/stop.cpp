// SPDX-License-Identifier: Apache-2.0
/// `weft stop component`, `weft stop provider`, `weft stop host` and `weft down`.
#include "cli/commands.hpp"
#include "cli/lattice/carry_out.hpp"
#include "cli/lattice/connection.hpp"
#include "cli/lattice/daemon_file.hpp"
#include "cli/lattice/process_end.hpp"
#include "cli/lattice/workloads.hpp"
#include "cli/lattice_options.hpp"
#include "cli/option_value.hpp"

#include <array>

namespace weft::cli {
namespace {

constexpr std::array kComponent = std::to_array<PositionalSpec>({{.name = "COMPONENT", .help = "its id"}});
constexpr std::array kProvider = std::to_array<PositionalSpec>({{.name = "PROVIDER", .help = "its id"}});
constexpr std::array kHost = std::to_array<PositionalSpec>({{.name = "HOST",
                                                             .help = "the beginning of its id, or a part of its name; "
                                                                     "without it the local daemon, or the only host",
                                                             .need = Need::optional}});
constexpr std::array kDrain = std::to_array<OptionSpec>({{.name = "drain",
                                                          .value = "TIME",
                                                          .help = "for its calls in flight",
                                                          .fallback = "what the host was started with"}});

Result<int> stop_component(const Arguments& arguments, Context& context) {
  WEFT_TRY(const auto connection, Connection::open(arguments, context));
  WEFT_TRY(const auto placed, find_component(*connection, arguments.positional("COMPONENT")));
  // Stopping is scaling to nothing, under the reference that runs: a host fetches what is named even then.
  const wire::ScaleComponent command{.component_id = placed.what.id,
                                     .component_ref = placed.what.image_ref,
                                     .count = 0,
                                     .annotations = placed.what.annotations,
                                     .component_limits = std::nullopt,
                                     .host_id = placed.host_id,
                                     .config = {},
                                     .allow_update = false};
  const Deed deed{.kind = "component", .id = placed.what.id, .done = "stopped", .host_id = placed.host_id};
  return carry_out(
      *connection, arguments, context, deed, [&] { return connection->client().scale(command); },
      lattice::expect_component(placed.host_id, placed.what.id));
}

Result<int> stop_provider(const Arguments& arguments, Context& context) {
  WEFT_TRY(const auto connection, Connection::open(arguments, context));
  WEFT_TRY(const auto placed, find_provider(*connection, arguments.positional("PROVIDER")));
  const wire::StopProvider command{.provider_id = placed.what.id, .host_id = placed.host_id};
  const Deed deed{.kind = "provider", .id = placed.what.id, .done = "stopped", .host_id = placed.host_id};
  return carry_out(
      *connection, arguments, context, deed, [&] { return connection->client().stop_provider(command); },
      lattice::expect_answer(placed.host_id));
}

/// A daemon is gone when its process is: only then may its data folder be used again.
Result<void> wait_for_daemon(const Connection& connection, const std::string& host_id, const Arguments& arguments,
                             std::int64_t pid) {
  if (arguments.flag("no-wait") || connection.target().daemon != host_id || pid == 0) return {};
  std::chrono::milliseconds timeout{60'000};
  WEFT_CHECK(read_duration(arguments, "timeout", timeout));
  return wait_for_process_end(pid, timeout);
}

Result<int> stop_host(const Arguments& arguments, Context& context) {
  WEFT_TRY(const auto connection, Connection::open(arguments, context));
  WEFT_TRY(const auto host_id, connection->host_id(arguments.positional("HOST")));
  std::optional<std::uint64_t> budget;
  if (arguments.flag("drain")) {
    std::chrono::milliseconds drain{0};
    WEFT_CHECK(read_duration(arguments, "drain", drain));
    budget = static_cast<std::uint64_t>(drain.count());
  }
  // Read before the daemon takes its file away.
  const auto file = read_daemon_file(connection->target().data_dir);
  const auto pid = file && *file ? (*file)->pid : 0;
  const Deed deed{.kind = "host", .id = host_id, .done = "stopped", .host_id = {}};
  WEFT_TRY(const int code,
           carry_out(
               *connection, arguments, context, deed, [&] { return connection->client().stop_host(host_id, budget); },
               lattice::expect_host_stop(host_id)));
  WEFT_CHECK(wait_for_daemon(*connection, host_id, arguments, pid));
  return code;
}

}  // namespace

const CommandSpec& stop_component_command() noexcept {
  static const CommandSpec spec{
      .name = "stop component",
      .summary = "stop a component",
      .positionals = kComponent,
      .groups = {OptionGroup{"Waiting", wait_options()}, OptionGroup{"Connection", connection_options()},
                 OptionGroup{"NATS", nats_options()}},
      .notes = "If it runs on several hosts, '--host' says on which one it is stopped.",
      .examples = "weft stop component shop-cart",
      .run = stop_component};
  return spec;
}

const CommandSpec& stop_provider_command() noexcept {
  static const CommandSpec spec{
      .name = "stop provider",
      .summary = "stop a provider",
      .positionals = kProvider,
      .groups = {OptionGroup{"Waiting", wait_options()}, OptionGroup{"Connection", connection_options()},
                 OptionGroup{"NATS", nats_options()}},
      .notes = "If it runs on several hosts, '--host' says on which one it is stopped.",
      .examples = "weft stop provider shop-http",
      .run = stop_provider};
  return spec;
}

const CommandSpec& stop_host_command() noexcept {
  static const CommandSpec spec{
      .name = "stop host",
      .summary = "stop a host",
      .positionals = kHost,
      .groups = {OptionGroup{"Stopping", kDrain}, OptionGroup{"Waiting", wait_options()},
                 OptionGroup{"Connection", connection_options()}, OptionGroup{"NATS", nats_options()}},
      .notes = "What it was told to run it runs again when it is started the next time.",
      .examples = "weft stop host quiet-harbor --drain 30s",
      .run = stop_host};
  return spec;
}

const CommandSpec& down_command() noexcept {
  static const CommandSpec spec{
      .name = "down",
      .summary = "stop the daemon of this machine and wait until it is gone",
      .positionals = kHost,
      .groups = {OptionGroup{"Stopping", kDrain}, OptionGroup{"Waiting", wait_options()},
                 OptionGroup{"Connection", connection_options()}, OptionGroup{"NATS", nats_options()}},
      .notes = "The counterpart of 'weft up'. What the host was told to run it runs again after the next 'weft up'.",
      .examples = "weft down\nweft down --data-dir ./state --drain 0",
      .run = stop_host};
  return spec;
}

}  // namespace weft::cli
