// SPDX-License-Identifier: Apache-2.0
/// `weft version`: weft's own and that of every library in it.
#include "cli/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/json_text.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace weft::cli {
namespace {

constexpr std::string_view kVersion = WEFT_VERSION;

std::string versions_json(const Versions& versions) {
  JsonObject object;
  for (const auto& [name, version] : versions) object.text(name, version);
  return object.str();
}

std::string versions_text(const Versions& versions, std::size_t width) {
  std::string text;
  for (const auto& [name, version] : versions) text += fmt::format("  {:<{}}  {}\n", name, width, version);
  return text;
}

Result<int> run(const Arguments& /*arguments*/, Context& context) {
  const Versions libraries = context.library_versions();
  const Versions compilers = context.compiler_versions();
  if (context.output == OutputFormat::json) {
    JsonObject versions;
    versions.text("weft", kVersion).raw("libraries", versions_json(libraries));
    context.console.out(versions.raw("compilers", versions_json(compilers)).str() + "\n");
    return kExitSuccess;
  }
  std::size_t width = 0;
  for (const Versions& versions : {libraries, compilers}) {
    for (const auto& [name, version] : versions) width = std::max(width, name.size());
  }
  context.console.out(fmt::format("weft {}\n{}compiled with\n{}", kVersion, versions_text(libraries, width),
                                  versions_text(compilers, width)));
  return kExitSuccess;
}

}  // namespace

const CommandSpec& version_command() noexcept {
  static constexpr CommandSpec spec{.name = "version",
                                    .summary = "print the version of weft and of the libraries in it",
                                    .examples = "weft version\nweft version --output json",
                                    .run = run};
  return spec;
}

}  // namespace weft::cli
