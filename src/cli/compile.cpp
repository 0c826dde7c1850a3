// SPDX-License-Identifier: Apache-2.0
/// `weft compile`: fills the cache, so that a later start need not compile.
#include "cli/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/json_text.hpp"
#include "cli/options.hpp"
#include "cli/parse_duration.hpp"
#include "cli/progress.hpp"
#include "cli/stop_request.hpp"
#include "cli/utf8.hpp"

#include <fmt/format.h>

#include <chrono>

namespace weft::cli {
namespace {

constexpr std::array kPositionals = std::to_array<PositionalSpec>(
    {{.name = "FILES", .help = "WebAssembly components (.wasm)", .repeat = Repeat::many}});

void print_outcome(const Context& context, const std::string& file, bool compiled, std::chrono::nanoseconds elapsed) {
  if (context.output == OutputFormat::json) {
    JsonObject line;
    line.text("file", file)
        .boolean("compiled", compiled)
        .milliseconds("elapsed_ms", std::chrono::duration<double, std::milli>(elapsed).count());
    context.console.out(line.str() + "\n");
    return;
  }
  context.console.out(compiled ? fmt::format("{}: compiled in {}\n", printable(file), format_duration(elapsed))
                               : fmt::format("{}: was in the cache already\n", printable(file)));
}

Result<int> run(const Arguments& arguments, Context& context) {
  if (arguments.flag("no-cache")) {
    return Error(Errc::invalid_argument, "'weft compile' fills the cache, and '--no-cache' says there is none.",
                 "Leave '--no-cache' out.", Blame::operator_);
  }
  WEFT_TRY(HostConfig host_settings, host_config(arguments, context, Shards::single));
  const StopRequest stop(context);
  WEFT_TRY(const std::unique_ptr<Host> host, context.make_host(std::move(host_settings)));
  for (const std::string& file : arguments.positionals("FILES")) {
    const auto started = std::chrono::steady_clock::now();
    Progress progress(context, fmt::format("compiling {} ...", file));
    WEFT_TRY(const bool compiled, host->compile(file));
    progress.finish();
    print_outcome(context, file, compiled, std::chrono::steady_clock::now() - started);
  }
  return kExitSuccess;
}

}  // namespace

const CommandSpec& compile_command() noexcept {
  static const CommandSpec spec{.name = "compile",
                                .summary = "compile components into the cache",
                                .positionals = kPositionals,
                                .groups = {OptionGroup{"Host", host_options()}},
                                .examples = "weft compile hello.wasm tool.wasm --cache-dir /var/cache/weft",
                                .run = run};
  return spec;
}

}  // namespace weft::cli
