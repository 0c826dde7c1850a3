// SPDX-License-Identifier: Apache-2.0
#include "cli/daemon.hpp"

#include "cli/detach.hpp"
#include "cli/exit_code.hpp"
#include "cli/json_text.hpp"
#include "cli/lattice/daemon_file.hpp"
#include "cli/parse_duration.hpp"
#include "cli/service_manager.hpp"

#include <unistd.h>

#include <fmt/format.h>

#include <atomic>
#include <optional>

namespace weft::cli {
namespace {

using SteadyTime = std::chrono::steady_clock::time_point;

void print_ready(const Context& context, const LatticeMember& member, const Daemon& daemon, SteadyTime started) {
  const auto& config = daemon.lattice;
  const auto elapsed = std::chrono::steady_clock::now() - started;
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
  context.console.out(fmt::format("host {} ({}) of lattice {}, {}\nready in {}, {} stops it\n", member.host_id(),
                                  member.friendly_name(), member.lattice(), bus, format_duration(elapsed),
                                  daemon.log_file.empty() ? "Ctrl-C" : "'weft down'"));
}

/// There as long as the member runs.
class DaemonFileScope {
 public:
  static Result<std::unique_ptr<DaemonFileScope>> write(const LatticeConfig& config, const LatticeMember& member) {
    if (!config.data_dir.empty()) {
      WEFT_CHECK(write_daemon_file(config.data_dir, {.host_id = member.host_id(),
                                                     .lattice = member.lattice(),
                                                     .alone = !config.nats && !config.nats_server,
                                                     .pid = ::getpid()}));
    }
    return std::make_unique<DaemonFileScope>(config.data_dir);
  }
  explicit DaemonFileScope(std::string data_dir) : data_dir_(std::move(data_dir)) {}
  ~DaemonFileScope() {
    if (!data_dir_.empty()) remove_daemon_file(data_dir_);
  }
  DaemonFileScope(const DaemonFileScope&) = delete;
  DaemonFileScope& operator=(const DaemonFileScope&) = delete;

 private:
  std::string data_dir_;
};

}  // namespace

Result<int> run_daemon(Daemon daemon, Context& context) {
  const SteadyTime started = std::chrono::steady_clock::now();
  std::optional<Detachment> detachment;
  if (!daemon.log_file.empty()) {
    WEFT_TRY(auto forked, Detachment::fork());
    if (forked.is_terminal_side()) return forked.wait_for_daemon();
    detachment.emplace(std::move(forked));
  }
  // Before any thread of the host, which inherits the blocked signals.
  std::atomic<LatticeMember*> running = nullptr;
  std::atomic<bool> early = false;
  InterruptScope signals(context.interrupts, [&](int signal, int count) {
    if (count > 1) return context.exit_now(kExitSignal + signal);
    early = true;
    if (auto* member = running.load()) member->interrupt();
  });
  WEFT_TRY(const std::unique_ptr<Host> host, context.make_host(std::move(daemon.host)));
  WEFT_TRY(const std::unique_ptr<LatticeMember> member, host->join(daemon.lattice));
  WEFT_TRY(const auto file, DaemonFileScope::write(daemon.lattice, *member));
  running = member.get();
  if (early) member->interrupt();
  print_ready(context, *member, daemon, started);
  if (detachment) WEFT_CHECK(detachment->leave_terminal(daemon.log_file));
  tell_service_manager(context, "READY=1");
  const Stopped stopped = member->wait();
  tell_service_manager(context, "STOPPING=1");
  running = nullptr;
  member->stop(stopped.budget.value_or(daemon.drain));
  return kExitSuccess;
}

}  // namespace weft::cli
