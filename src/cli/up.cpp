// SPDX-License-Identifier: Apache-2.0
/// `weft up`: the daemon, in the foreground until a signal or a command stops it.
#include "cli/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/json_text.hpp"
#include "cli/lattice_options.hpp"
#include "cli/log_sink.hpp"
#include "cli/options.hpp"
#include "cli/parse_duration.hpp"
#include "cli/service_manager.hpp"

#include <unistd.h>

#include <fmt/format.h>

#include <atomic>
#include <chrono>

namespace weft::cli {
namespace {

constexpr std::chrono::milliseconds kDefaultDrain{10'000};

constexpr std::array kOptions = std::to_array<OptionSpec>({
    {.name = "data-dir",
     .value = "DIR",
     .help = "where the host keeps its state",
     .fallback = "/var/lib/weft for root, else ~/.local/share/weft"},
    {.name = "lattice",
     .value = "NAME",
     .help = "the lattice it belongs to; without --nats: on this machine's NATS server, which is started if none runs",
     .fallback = "default, alone"},
    {.name = "nats-wait", .value = "", .help = "start also when no NATS server answers, and join when one does"},
    {.name = "label", .value = "K=V", .help = "a label of this host", .letter = 'l', .repeat = Repeat::many},
    {.name = "allow-file-load", .value = "", .help = "let commands name files of this machine as components"},
    {.name = "host-seed", .value = "SEED", .help = "the host's key", .fallback = "one kept in the data folder"},
    {.name = "heartbeat", .value = "TIME", .help = "between heartbeats", .fallback = "30s"},
    {.name = "drain", .value = "TIME", .help = "for calls in flight when it stops", .fallback = "10s"},
});

Result<std::map<std::string, std::string>> labels(const Arguments& arguments) {
  std::map<std::string, std::string> found;
  for (const std::string& text : arguments.values("label")) {
    const auto equals = text.find('=');
    if (equals == std::string::npos || equals == 0) {
      return Error(Errc::invalid_argument, fmt::format("'--label': '{}' is not a label.", text), "Write key=value.",
                   Blame::operator_);
    }
    found.insert_or_assign(text.substr(0, equals), text.substr(equals + 1));
  }
  return found;
}

Result<std::chrono::milliseconds> duration(const Arguments& arguments, std::string_view option,
                                           std::chrono::milliseconds fallback) {
  const auto text = arguments.value(option);
  if (!text) return fallback;
  return parse_duration(*text);
}

Result<LatticeConfig> lattice_config(const Arguments& arguments, const Context& context) {
  LatticeConfig config;
  config.lattice = arguments.value("lattice").value_or("default");
  WEFT_TRY(config.data_dir, data_dir(arguments, context));
  WEFT_TRY(config.nats, nats_config(arguments, context));
  if (config.nats) {
    config.nats->wait_for_server = arguments.flag("nats-wait");
  } else if (arguments.value("lattice")) {
    config.nats_server = NatsServerConfig{.program = context.getenv("WEFT_NATS_SERVER").value_or("")};
  }
  config.host_seed = arguments.value("host-seed").value_or("");
  WEFT_TRY(config.labels, labels(arguments));
  config.control_socket = control_socket(config.data_dir);
  config.allow_file_load = arguments.flag("allow-file-load");
  WEFT_TRY(config.heartbeat_interval, duration(arguments, "heartbeat", config.heartbeat_interval));
  return config;
}

void print_ready(const Context& context, const LatticeMember& member, const LatticeConfig& config,
                 std::chrono::steady_clock::duration elapsed) {
  const std::string bus = config.nats || config.nats_server ? member.bus_url() : "standalone";
  if (context.output == OutputFormat::json) {
    JsonObject ready;
    ready.text("event", "ready").text("host", member.host_id()).text("name", member.friendly_name());
    ready.text("lattice", member.lattice()).text("bus", bus).text("data_dir", config.data_dir);
    ready.milliseconds("elapsed_ms", std::chrono::duration<double, std::milli>(elapsed).count())
        .number("pid", static_cast<std::uint64_t>(::getpid()));
    context.console.out(ready.str() + "\n");
    return;
  }
  context.console.out(fmt::format("host {} ({}) of lattice {}, {}\nready in {}, Ctrl-C stops it\n", member.host_id(),
                                  member.friendly_name(), member.lattice(), bus, format_duration(elapsed)));
}

Result<int> run(const Arguments& arguments, Context& context) {
  const auto started = std::chrono::steady_clock::now();
  WEFT_TRY(HostConfig host_settings, host_config(arguments, context, Shards::one_per_core));
  WEFT_TRY(LatticeConfig config, lattice_config(arguments, context));
  WEFT_TRY(const auto drain, duration(arguments, "drain", kDefaultDrain));

  // Before any thread of the host, which inherits the blocked signals. The first one drains, the second ends at once.
  std::atomic<LatticeMember*> running = nullptr;
  std::atomic<bool> early = false;
  InterruptScope signals(context.interrupts, [&](int signal, int count) {
    if (count > 1) return context.exit_now(kExitSignal + signal);
    early = true;
    if (auto* member = running.load()) member->interrupt();
  });
  WEFT_TRY(const std::unique_ptr<Host> host, context.make_host(std::move(host_settings)));
  WEFT_TRY(const std::unique_ptr<LatticeMember> member, host->join(config));
  running = member.get();
  if (early) member->interrupt();
  print_ready(context, *member, config, std::chrono::steady_clock::now() - started);
  tell_service_manager(context, "READY=1");
  const Stopped stopped = member->wait();
  tell_service_manager(context, "STOPPING=1");
  running = nullptr;
  member->stop(stopped.budget.value_or(drain));
  return kExitSuccess;
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
          "weft up --allow-file-load\n"
          "weft up --lattice shop\n"
          "weft up --nats nats://10.0.0.5:4222 --lattice shop --label zone=b",
      .run = run};
  return spec;
}

}  // namespace weft::cli
