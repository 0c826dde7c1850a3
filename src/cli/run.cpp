// SPDX-License-Identifier: Apache-2.0
/// `weft run`: serves an HTTP component until a signal, or runs a command component to its end.
#include "cli/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/json_text.hpp"
#include "cli/log_sink.hpp"
#include "cli/options.hpp"
#include "cli/parse_duration.hpp"
#include "cli/progress.hpp"
#include "cli/stop_request.hpp"

#include <unistd.h>

#include <fmt/format.h>

#include <chrono>

namespace weft::cli {
namespace {

using SteadyTime = std::chrono::steady_clock::time_point;

constexpr std::array kPositionals = std::to_array<PositionalSpec>({
    {.name = "FILE", .help = "a WebAssembly component (.wasm)"},
    {.name = "ARGS",
     .help = "arguments of the component; '--' goes before those that begin with a dash",
     .need = Need::optional,
     .repeat = Repeat::many},
});

Error wrong_kind(std::string message, std::string hint) {
  return Error(Errc::type_mismatch, std::move(message), std::move(hint), Blame::operator_);
}

Result<void> check_kind(const ComponentInfo& info, const std::string& file, const Arguments& arguments) {
  if (info.kind == WorldKind::library) {
    return wrong_kind(fmt::format("'{}' is neither an HTTP component nor a command: it exports neither "
                                  "wasi:http/incoming-handler nor wasi:cli/run.",
                                  file),
                      fmt::format("See its exports with 'weft inspect {}', and call one with 'weft call'.", file));
  }
  if (info.kind == WorldKind::http) return {};
  for (const OptionSpec& option : serve_options()) {
    if (arguments.flag(option.name)) {
      return Error(Errc::invalid_argument,
                   fmt::format("'{}' is a command, and '--{}' is for HTTP components.", file, option.name),
                   fmt::format("Leave '--{}' out.", option.name), Blame::operator_);
    }
  }
  return {};
}

/// What suits the kind, where the command line does not say.
void fill_defaults(ComponentConfig& config, WorldKind kind, const Arguments& arguments) {
  config.grants.arguments = arguments.positionals("ARGS");
  config.grants.stdio = stdio_choice(arguments).value_or(kind == WorldKind::command ? Stdio::inherit : Stdio::log);
  if (kind == WorldKind::command && !arguments.flag("timeout")) config.limits.timeout = std::chrono::milliseconds{0};
}

void print_ready(const Context& context, const Component& component, const std::string& address, SteadyTime started) {
  const auto elapsed = std::chrono::steady_clock::now() - started;
  const std::string url = url_of(address);
  if (context.output == OutputFormat::json) {
    JsonObject ready;
    ready.text("event", "ready").text("component", component.id()).text("url", url).text("address", address);
    ready.boolean("cached", component.was_cached())
        .milliseconds("elapsed_ms", std::chrono::duration<double, std::milli>(elapsed).count());
    context.console.out(ready.number("pid", static_cast<std::uint64_t>(::getpid())).str() + "\n");
    return;
  }
  context.console.out(fmt::format("{} serves {}\nready in {} ({}), Ctrl-C stops it\n", component.id(), url,
                                  format_duration(elapsed), component.was_cached() ? "from the cache" : "compiled"));
}

Result<int> serve(const Context& context, Host& host, const std::shared_ptr<Component>& component, ServeConfig config,
                  std::chrono::milliseconds grace, StopRequest& stop, SteadyTime started) {
  WEFT_TRY(const std::unique_ptr<HttpService> service, host.serve(component, std::move(config)));
  stop.begin_serving();
  print_ready(context, *component, service->address(), started);
  stop.wait();
  make_log_sink(context, LogLevel::info)(
      LogLevel::info, {},
      fmt::format("stopping: requests in flight have {}; a second signal stops at once", format_duration(grace)));
  service->close(grace);
  return kExitSuccess;
}

Result<int> run_to_end(Host& host, const Component& component, StopRequest& stop) {
  stop.begin_call(host);
  Result<int> outcome = host.run_command(component);
  const int signal = stop.finish();
  if (signal != 0 && !outcome && outcome.error().code() == Errc::cancelled) return kExitSignal + signal;
  return outcome;
}

Result<int> run(const Arguments& arguments, Context& context) {
  const SteadyTime started = std::chrono::steady_clock::now();
  const std::string file = arguments.positional("FILE");
  WEFT_TRY(HostConfig host_settings, host_config(arguments, context, Shards::one_per_core));
  WEFT_TRY(ComponentConfig config, component_config(arguments, context));
  WEFT_TRY(ServeConfig serve_settings, serve_config(arguments));
  WEFT_TRY(const std::chrono::milliseconds grace, drain_grace(arguments));

  StopRequest stop(context);
  WEFT_TRY(const std::unique_ptr<Host> host, context.make_host(std::move(host_settings)));
  WEFT_TRY(const ComponentInfo info, host->inspect(file));
  WEFT_CHECK(check_kind(info, file, arguments));
  fill_defaults(config, info.kind, arguments);
  Progress progress(context, fmt::format("loading {} ...", file));
  WEFT_TRY(const std::shared_ptr<Component> component, host->load(file, std::move(config)));
  progress.finish();
  if (info.kind == WorldKind::command) return run_to_end(*host, *component, stop);
  return serve(context, *host, component, std::move(serve_settings), grace, stop, started);
}

}  // namespace

const CommandSpec& run_command() noexcept {
  static const CommandSpec spec{
      .name = "run",
      .summary = "serve an HTTP component, or run a command component",
      .positionals = kPositionals,
      .groups = {OptionGroup{"Serving", serve_options()}, OptionGroup{"Grants and limits", component_options()},
                 OptionGroup{"Host", host_options()}},
      .notes =
          "Nothing is granted but clocks and random numbers: folders, network and environment are named one by one.\n"
          "A command component's exit code is weft's own. Ctrl-C or SIGTERM drains; a second one stops at once.",
      .examples =
          "weft run hello.wasm --listen 0.0.0.0:8000 --reuse 100\n"
          "weft run tool.wasm --dir data:rw -- --verbose input.txt",
      .run = run};
  return spec;
}

}  // namespace weft::cli
