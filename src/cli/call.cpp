// SPDX-License-Identifier: Apache-2.0
/// `weft call`: one function of a component, with its arguments and answer as text.
#include "cli/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/json_text.hpp"
#include "cli/options.hpp"
#include "cli/parse_duration.hpp"
#include "cli/progress.hpp"
#include "cli/stop_request.hpp"

#include <fmt/format.h>

namespace weft::cli {
namespace {

constexpr std::array kPositionals = std::to_array<PositionalSpec>({
    {.name = "FILE", .help = "a WebAssembly component (.wasm)"},
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

Result<int> run(const Arguments& arguments, Context& context) {
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
                 OptionGroup{"Host", host_options()}},
      .notes =
          "With '--output json' the answer is the member \"result\" of an object: JSON with --json, else WAVE in a "
          "string.",
      .examples =
          "weft call maths.wasm 'demo:maths/vectors#scale' '[1, 2, 3]' -2\n"
          "weft call maths.wasm --json 'demo:maths/vectors@1.2.0#scale' '[1, 2, 3]' -2",
      .run = run};
  return spec;
}

}  // namespace weft::cli
