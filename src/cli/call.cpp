// SPDX-License-Identifier: Apache-2.0
/// `weft call`: one function of a component, in a file or running in the lattice, with its arguments and answer as
/// text.
#include "cli/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/json_text.hpp"
#include "cli/lattice/remote_call.hpp"
#include "cli/lattice/target.hpp"
#include "cli/lattice_options.hpp"
#include "cli/options.hpp"
#include "cli/parse_duration.hpp"
#include "cli/progress.hpp"
#include "cli/stop_request.hpp"

#include <fmt/format.h>

namespace weft::cli {
namespace {

constexpr std::array kPositionals = std::to_array<PositionalSpec>({
    {.name = "FILE", .help = "a WebAssembly component (.wasm), or the id of one that runs in the lattice"},
    {.name = "FUNCTION",
     .help = "'namespace:package/interface#function', where the interface's version may be left out if there is but "
             "one; or 'function' for one that the world itself exports"},
    {.name = "ARGS",
     .help = "each parameter as one WAVE value, or as JSON with --json",
     .need = Need::optional,
     .repeat = Repeat::many},
});

constexpr std::array kCallOptions = std::to_array<OptionSpec>({
    {.name = "json", .value = "", .help = "arguments and answer are JSON instead of WAVE"},
    {.name = "stats", .value = "", .help = "print time, memory and host calls to stderr"},
});

std::string stats_json(const CallStats& stats) {
  return JsonObject()
      .milliseconds("cpu_ms", std::chrono::duration<double, std::milli>(stats.cpu_time).count())
      .number("peak_memory_bytes", stats.peak_memory_bytes)
      .number("host_calls", stats.host_calls)
      .str();
}

void print_answer(const Context& context, const std::string& answer, ValueFormat format, const CallStats* stats) {
  if (context.output == OutputFormat::json) {
    JsonObject object;
    if (!answer.empty()) object.raw("result", format == ValueFormat::json ? answer : json_quote(answer));
    if (stats != nullptr) object.raw("stats", stats_json(*stats));
    context.console.out(object.str() + "\n");
    return;
  }
  if (!answer.empty()) context.console.out(answer + "\n");
  if (stats != nullptr) {
    context.console.err(fmt::format("cpu {}, peak memory {} bytes, {} host calls\n", format_duration(stats->cpu_time),
                                    stats->peak_memory_bytes, stats->host_calls));
  }
}

/// A signal ends the process: the component's host goes on, and its deadline ends the call.
Result<int> run_remotely(const Arguments& arguments, Context& context, ValueFormat format) {
  for (const OptionSpec& option : component_options()) {
    if (option.name == "timeout" || !arguments.flag(option.name)) continue;
    return Error(Errc::invalid_argument,
                 fmt::format("'--{}' is for components in files, and '{}' runs already.", option.name,
                             arguments.positional("FILE")),
                 fmt::format("Leave '--{}' out.", option.name), Blame::operator_);
  }
  const RemoteCall call{.component = arguments.positional("FILE"),
                        .function = arguments.positional("FUNCTION"),
                        .arguments = arguments.positionals("ARGS"),
                        .format = format};
  WEFT_TRY(const std::string answer, call_remotely(call, arguments, context));
  print_answer(context, answer, format, nullptr);
  return kExitSuccess;
}

Result<int> run(const Arguments& arguments, Context& context) {
  if (names_component(arguments.positional("FILE"))) {
    return run_remotely(arguments, context, arguments.flag("json") ? ValueFormat::json : ValueFormat::wave);
  }
  WEFT_TRY(HostConfig host_settings, host_config(arguments, context, Shards::single));
  WEFT_TRY(ComponentConfig config, component_config(arguments, context));
  config.grants.stdio = stdio_choice(arguments).value_or(Stdio::log);
  const ValueFormat format = arguments.flag("json") ? ValueFormat::json : ValueFormat::wave;

  StopRequest stop(context);
  WEFT_TRY(const std::unique_ptr<Host> host, context.make_host(std::move(host_settings)));
  Progress progress(context, fmt::format("loading {} ...", arguments.positional("FILE")));
  WEFT_TRY(const std::shared_ptr<Component> component, host->load(arguments.positional("FILE"), std::move(config)));
  progress.finish();
  stop.begin_call(*host);
  CallStats stats;
  Result<std::string> answer =
      host->call(*component, arguments.positional("FUNCTION"), arguments.positionals("ARGS"), format, &stats);
  const int signal = stop.finish();
  if (!answer) {
    if (signal != 0 && answer.error().code() == Errc::cancelled) return kExitSignal + signal;
    return std::move(answer).error();
  }
  print_answer(context, *answer, format, arguments.flag("stats") ? &stats : nullptr);
  return kExitSuccess;
}

}  // namespace

const CommandSpec& call_command() noexcept {
  static const CommandSpec spec{
      .name = "call",
      .summary = "call one function of a component",
      .positionals = kPositionals,
      .groups = {OptionGroup{"Values", kCallOptions}, OptionGroup{"Grants and limits", component_options()},
                 OptionGroup{"Host", host_options()}, OptionGroup{"Connection", connection_options()},
                 OptionGroup{"NATS", nats_options()}},
      .notes =
          "With '--output json' the answer is the member \"result\" of an object: JSON with --json, else WAVE in a "
          "string.\n"
          "A component that runs is called where it runs, under the grants and limits that it has there.",
      .examples =
          "weft call maths.wasm 'demo:maths/vectors#scale' '[1, 2, 3]' -2\n"
          "weft call maths.wasm --json 'demo:maths/vectors@1.2.0#scale' '[1, 2, 3]' -2\n"
          "weft call shop-maths 'demo:maths/vectors#scale' '[1, 2, 3]' -2",
      .run = run};
  return spec;
}

}  // namespace weft::cli
