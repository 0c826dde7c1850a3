// SPDX-License-Identifier: Apache-2.0
/// `weft up`: the daemon, in the foreground until a signal or a command stops it.
#include "cli/commands.hpp"
#include "cli/daemon.hpp"
#include "cli/image_options.hpp"
#include "cli/lattice/table.hpp"
#include "cli/lattice_options.hpp"
#include "cli/option_value.hpp"
#include "cli/options.hpp"
#include "cli/service_options.hpp"

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
    {.name = "rpc-nats",
     .value = "URL",
     .help = "a NATS server for calls between hosts",
     .fallback = "that of --nats",
     .repeat = Repeat::many},
    {.name = "no-local-fast-path", .value = "", .help = "call what runs here over NATS too, to compare"},
    {.name = "label", .value = "K=V", .help = "a label of this host", .letter = 'l', .repeat = Repeat::many},
    {.name = "allow-file-load",
     .value = "",
     .help = "let commands name files of this machine as components and providers"},
    {.name = "allow-spy",
     .value = "",
     .help = "let all who may ask hosts in the lattice watch this one's calls, with their values ('weft spy')"},
    {.name = "host-seed", .value = "SEED", .help = "the host's key", .fallback = "one kept in the data folder"},
    {.name = "heartbeat", .value = "TIME", .help = "between heartbeats", .fallback = "30s"},
    {.name = "detach",
     .value = "",
     .help = "go into the background once it serves; it logs to weft.log in the data folder"},
    {.name = "metrics", .value = "ADDR:PORT", .help = "serve GET /metrics there, for Prometheus"},
    {.name = "http-admin", .value = "ADDR:PORT", .help = "serve GET /livez and /readyz there"},
    {.name = "drain", .value = "TIME", .help = "for calls in flight when it stops", .fallback = "10s"},
});

constexpr std::array kProviders = std::to_array<OptionSpec>({
    {.name = "provider-memory",
     .value = "SIZE",
     .help = "a provider process and all it starts",
     .fallback = "no limit"},
    {.name = "provider-cpus", .value = "N", .help = "processors for it; 0.5 is half of one", .fallback = "no limit"},
    {.name = "provider-processes", .value = "N", .help = "processes and threads of it", .fallback = "no limit"},
    {.name = "provider-cgroup",
     .value = "GROUP",
     .help = "where these limits are set; nothing may run in that group itself",
     .fallback = "the daemon's own group"},
    {.name = "provider-shutdown-delay",
     .value = "TIME",
     .help = "for a provider that is asked to end, and again once it is told to",
     .fallback = "300ms"},
});

Result<ProviderProcessConfig> provider_config(const Arguments& arguments, const Context& context) {
  ProviderProcessConfig config;
  WEFT_CHECK(read_size(arguments, "provider-memory", config.max_memory_bytes));
  WEFT_CHECK(read_decimal(arguments, "provider-cpus", config.max_cpus));
  WEFT_CHECK(read_whole(arguments, "provider-processes", config.max_processes));
  config.cgroup = arguments.value("provider-cgroup").value_or("");
  WEFT_CHECK(read_duration(arguments, "provider-shutdown-delay", config.shutdown_delay));
  config.structured_logging = context.output == OutputFormat::json;
  return config;
}

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
  if (auto urls = nats_urls(list_text(arguments.values("rpc-nats"))); !urls.empty()) {
    if (!config.nats) {
      return Error(Errc::invalid_argument, "'--rpc-nats' is of no use without '--nats'.",
                   "Name a server with '--nats nats://127.0.0.1:4222'.", Blame::operator_);
    }
    config.rpc_nats = config.nats;
    config.rpc_nats->urls = std::move(urls);
  }
  config.local_fast_path = !arguments.flag("no-local-fast-path");
  config.host_seed = arguments.value("host-seed").value_or("");
  WEFT_TRY(config.labels, read_pairs(arguments, "label"));
  config.control_socket = control_socket(config.data_dir);
  config.metrics_listen = arguments.value("metrics").value_or("");
  config.admin_listen = arguments.value("http-admin").value_or("");
  config.allow_file_load = arguments.flag("allow-file-load");
  config.allow_spy = arguments.flag("allow-spy");
  WEFT_TRY(config.artifacts, artifact_config(arguments, context));
  WEFT_CHECK(read_services(arguments, context, config));
  WEFT_CHECK(read_duration(arguments, "heartbeat", config.heartbeat_interval));
  WEFT_TRY(config.provider_processes, provider_config(arguments, context));
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
      .groups = {OptionGroup{"Daemon", kOptions}, OptionGroup{"Provider processes", kProviders},
                 OptionGroup{"Lattice", nats_options()}, OptionGroup{"Images", image_options()},
                 OptionGroup{"Services", service_options()}, OptionGroup{"Host", host_options()}},
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
