// SPDX-License-Identifier: Apache-2.0
/// `weft up`: the daemon, in the foreground until a signal or a command stops it.
#include "cli/commands.hpp"
#include "cli/daemon.hpp"
#include "cli/lattice_options.hpp"
#include "cli/option_value.hpp"
#include "cli/options.hpp"

#include <array>

namespace weft::cli {
namespace {

constexpr std::array kOptions = std::to_array<OptionSpec>({
    {.name = "data-dir",
     .value = "DIR",
     .help = "where the host keeps its state",
     .fallback = "/var/lib/weft for root, else ~/.local/share/weft",
     .environment = "WEFT_DATA_DIR"},
    {.name = "lattice",
     .value = "NAME",
     .help = "the lattice it belongs to; without --nats: on this machine's NATS server, which is started if none runs",
     .fallback = "default, alone",
     .environment = "WEFT_LATTICE"},
    {.name = "nats-wait", .value = "", .help = "start also when no NATS server answers, and join when one does"},
    {.name = "label", .value = "K=V", .help = "a label of this host", .letter = 'l', .repeat = Repeat::many},
    {.name = "allow-file-load", .value = "", .help = "let commands name files of this machine as components"},
    {.name = "host-seed", .value = "SEED", .help = "the host's key", .fallback = "one kept in the data folder"},
    {.name = "heartbeat", .value = "TIME", .help = "between heartbeats", .fallback = "30s"},
    {.name = "detach",
     .value = "",
     .help = "go into the background once it serves; it logs to weft.log in the data folder"},
    {.name = "metrics", .value = "ADDR:PORT", .help = "serve GET /metrics there, for Prometheus"},
    {.name = "http-admin", .value = "ADDR:PORT", .help = "serve GET /livez and /readyz there"},
    {.name = "drain", .value = "TIME", .help = "for calls in flight when it stops", .fallback = "10s"},
});

Result<LatticeConfig> lattice_config(const Arguments& arguments, const Context& context) {
  LatticeConfig config;
  config.lattice = option_value(arguments, context, kOptions, "lattice").value_or(config.lattice);
  WEFT_TRY(config.data_dir, data_dir(arguments, context));
  WEFT_TRY(config.nats, nats_config(arguments, context));
  if (config.nats) {
    config.nats->wait_for_server = arguments.flag("nats-wait");
  } else if (option_value(arguments, context, kOptions, "lattice")) {
    config.nats_server = NatsServerConfig{.program = context.getenv("WEFT_NATS_SERVER").value_or("")};
  }
  config.host_seed = arguments.value("host-seed").value_or("");
  WEFT_TRY(config.labels, read_pairs(arguments, "label"));
  config.control_socket = control_socket(config.data_dir);
  config.metrics_listen = arguments.value("metrics").value_or("");
  config.admin_listen = arguments.value("http-admin").value_or("");
  config.allow_file_load = arguments.flag("allow-file-load");
  WEFT_CHECK(read_duration(arguments, "heartbeat", config.heartbeat_interval));
  return config;
}

Result<int> run(const Arguments& arguments, Context& context) {
  Daemon daemon;
  WEFT_TRY(daemon.host, host_config(arguments, context, Shards::one_per_core));
  WEFT_TRY(daemon.lattice, lattice_config(arguments, context));
  WEFT_CHECK(read_duration(arguments, "drain", daemon.drain));
  if (arguments.flag("detach")) daemon.log_file = daemon.lattice.data_dir + "/weft.log";
  return run_daemon(std::move(daemon), context);
}

}  // namespace

const CommandSpec& up_command() noexcept {
  static const CommandSpec spec{
      .name = "up",
      .summary = "run this machine's host as a daemon, alone or in a lattice",
      .positionals = {},
      .groups = {OptionGroup{"Daemon", kOptions}, OptionGroup{"Lattice", nats_options()},
                 OptionGroup{"Host", host_options()}},
      .notes =
          "Without '--nats' and '--lattice' the host is a lattice of its own; 'weft start', 'weft link' and the "
          "others\n"
          "find it by its data folder. What it was told to run it runs again when it is started the next time. A host\n"
          "that has been in a lattice serves what it keeps of it while no NATS server answers.",
      .examples =
          "weft up --allow-file-load --detach\n"
          "weft up --lattice shop\n"
          "weft up --nats nats://10.0.0.5:4222 --lattice shop --label zone=b",
      .run = run};
  return spec;
}

}  // namespace weft::cli
