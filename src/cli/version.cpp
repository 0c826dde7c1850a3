// SPDX-License-Identifier: Apache-2.0
/// `weft version`: weft's own and that of every library in it.
#include "cli/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/json_text.hpp"

#include <fmt/format.h>

namespace weft::cli {
namespace {

constexpr std::string_view kVersion = WEFT_VERSION;

Result<int> run(const Arguments& /*arguments*/, Context& context) {
  const auto libraries = context.library_versions();
  if (context.output == OutputFormat::json) {
    JsonObject versions;
    for (const auto& [name, version] : libraries) versions.text(name, version);
    context.console.out(JsonObject().text("weft", kVersion).raw("libraries", versions.str()).str() + "\n");
    return kExitSuccess;
  }
  std::string text = fmt::format("weft {}\n", kVersion);
  for (const auto& [name, version] : libraries) text += fmt::format("  {:<12}{}\n", name, version);
  context.console.out(text);
  return kExitSuccess;
}

}  // namespace

const CommandSpec& version_command() noexcept {
  static constexpr CommandSpec spec{
      .name = "version", .summary = "print the version of weft and of the libraries in it", .run = run};
  return spec;
}

}  // namespace weft::cli
