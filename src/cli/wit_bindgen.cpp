// SPDX-License-Identifier: Apache-2.0
/// `weft wit bindgen`: C bindings, for guests in C and C++.
#include "cli/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/json_text.hpp"

#include <fmt/format.h>

namespace weft::cli {
namespace {

constexpr std::array kPositionals =
    std::to_array<PositionalSpec>({{.name = "WIT", .help = "a WIT file, or a folder with its 'deps'"}});
constexpr std::array kOptions = std::to_array<OptionSpec>({
    {.name = "world", .value = "WORLD", .help = "the world to bind", .fallback = "the only one", .letter = 'w'},
    {.name = "out-dir", .value = "DIR", .help = "where the files go; it is created", .fallback = "the current folder"},
});

Result<int> run(const Arguments& arguments, Context& context) {
  const std::string out_dir = arguments.value("out-dir").value_or(".");
  WEFT_CHECK(context.guest_tools.bindgen(arguments.positional("WIT"), arguments.value("world").value_or(""), out_dir));
  context.console.out(context.output == OutputFormat::json ? JsonObject().text("out_dir", out_dir).str() + "\n"
                                                           : fmt::format("wrote the bindings to {}\n", out_dir));
  return kExitSuccess;
}

}  // namespace

const CommandSpec& wit_bindgen_command() noexcept {
  static constexpr CommandSpec spec{.name = "wit bindgen",
                                    .summary = "make C bindings from WIT",
                                    .positionals = kPositionals,
                                    .groups = {OptionGroup{"Options", kOptions}},
                                    .notes =
                                        "Compile the .c file with clang --target=wasm32-wasi, link it and the "
                                        "_component_type.o, then use 'weft wit new'.",
                                    .examples = "weft wit bindgen wit/world.wit --world hello --out-dir gen",
                                    .run = run};
  return spec;
}

}  // namespace weft::cli
