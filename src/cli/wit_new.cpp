// SPDX-License-Identifier: Apache-2.0
/// `weft wit new`: a component from a core module.
#include "cli/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/file.hpp"
#include "cli/json_text.hpp"

#include <fmt/format.h>

namespace weft::cli {
namespace {

constexpr std::array kPositionals =
    std::to_array<PositionalSpec>({{.name = "MODULE", .help = "a core WebAssembly module"}});
constexpr std::array kOptions = std::to_array<OptionSpec>({
    {.name = "out", .value = "FILE", .help = "the component", .fallback = "MODULE with .component.wasm at its end"},
    {.name = "adapter",
     .value = "auto|none|reactor|command|proxy",
     .help = "which adapter from WASI preview 1 goes in",
     .fallback = "auto"},
    {.name = "wit", .value = "PATH", .help = "where the world is found", .fallback = "in the module"},
    {.name = "world", .value = "WORLD", .help = "the world of --wit", .fallback = "the only one", .letter = 'w'},
});

std::string default_out(const std::string& module) {
  const std::string stem = module.ends_with(".wasm") ? module.substr(0, module.size() - 5) : module;
  return stem + ".component.wasm";
}

Result<int> run(const Arguments& arguments, Context& context) {
  const std::string module = arguments.positional("MODULE");
  const std::string out = arguments.value("out").value_or(default_out(module));
  if (arguments.flag("world") && !arguments.flag("wit")) {
    return Error(Errc::invalid_argument, "'--world' names a world of '--wit', which is not given.", "Add '--wit PATH'.",
                 Blame::operator_);
  }
  WEFT_TRY(const std::string bytes, read_file(module));
  WEFT_TRY(
      const std::string component,
      context.guest_tools.componentize(bytes, arguments.value("adapter").value_or("auto"),
                                       arguments.value("wit").value_or(""), arguments.value("world").value_or("")));
  WEFT_CHECK(write_file(out, component));
  context.console.out(context.output == OutputFormat::json
                          ? JsonObject().text("file", out).number("size_bytes", component.size()).str() + "\n"
                          : fmt::format("wrote {} ({} bytes)\n", out, component.size()));
  return kExitSuccess;
}

}  // namespace

const CommandSpec& wit_new_command() noexcept {
  static constexpr CommandSpec spec{.name = "wit new",
                                    .summary = "make a component from a core module",
                                    .positionals = kPositionals,
                                    .groups = {OptionGroup{"Options", kOptions}},
                                    .examples = "weft wit new core.wasm --out hello.wasm",
                                    .run = run};
  return spec;
}

}  // namespace weft::cli
