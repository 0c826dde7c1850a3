// SPDX-License-Identifier: Apache-2.0
/// `weft inspect`: what a component is, without compiling or running it.
#include "cli/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/image_options.hpp"
#include "cli/json_text.hpp"
#include "cli/options.hpp"
#include "cli/registry/claims_text.hpp"
#include "cli/registry/inspect_archive.hpp"
#include "cli/registry/local_artifact.hpp"
#include "cli/utf8.hpp"
#include "registry/file.hpp"
#include "wire/claims.hpp"

#include <fmt/format.h>

namespace weft::cli {
namespace {

constexpr std::array kPositionals =
    std::to_array<PositionalSpec>({{.name = "FILE", .help = "a component or a provider archive: a file or an image"}});
constexpr std::array kInspectOptions = std::to_array<OptionSpec>({
    {.name = "wit", .value = "", .help = "print only its WIT"},
    {.name = "jwt-only", .value = "", .help = "print only the token it is signed with"},
    {.name = "digest", .value = "DIGEST", .help = "that the image must have", .letter = 'd'},
});
constexpr std::uint64_t kMaxComponent = std::uint64_t{1} * 1024 * 1024 * 1024;

std::string_view kind_name(WorldKind kind) {
  switch (kind) {
    case WorldKind::http:
      return "http";
    case WorldKind::command:
      return "command";
    case WorldKind::library:
      return "library";
  }
  return "unknown";
}

std::string_view use_of(WorldKind kind) {
  switch (kind) {
    case WorldKind::http:
      return "HTTP component; serve it with 'weft run'";
    case WorldKind::command:
      return "command; run it with 'weft run'";
    case WorldKind::library:
      return "library; call its functions with 'weft call'";
  }
  return "";
}

std::string readable_size(std::uint64_t bytes) {
  const auto size = static_cast<double>(bytes);
  if (bytes < 1024) return fmt::format("{} B", bytes);
  if (bytes < 1024ULL * 1024) return fmt::format("{:.1f} KiB ({} bytes)", size / 1024, bytes);
  return fmt::format("{:.1f} MiB ({} bytes)", size / (1024 * 1024), bytes);
}

std::string list_text(std::string_view title, const std::vector<std::string>& names) {
  std::string text = fmt::format("{:<10}", title);
  if (names.empty()) return text + "none\n";
  for (std::size_t i = 0; i < names.size(); ++i)
    text += fmt::format("{:{}}{}\n", "", i == 0 ? 0 : 10, printable(names[i]));
  return text;
}

/// WIT comes from the file, so it is cleaned line by line.
std::string wit_text(std::string_view wit) {
  std::string text;
  while (!wit.empty()) {
    const std::size_t end = wit.find('\n');
    text += printable(wit.substr(0, end)) + "\n";
    wit.remove_prefix(end == std::string_view::npos ? wit.size() : end + 1);
  }
  return text;
}

/// Who signed a component; what is not signed, or not readable as such, is the engine's matter alone.
struct Signature {
  std::optional<wire::ComponentClaims> claims;
  Result<void> valid;
};

Signature signature_of(const std::string& path, const Context& context) {
  const auto wasm = registry::read_file(path, kMaxComponent);
  if (!wasm) return {};
  const auto claims = wire::peek_component_claims(*wasm);
  if (!claims || !*claims) return {};
  const auto verified = wire::extract_component_claims(*wasm, context.now());
  return {*claims, verified ? Result<void>() : Result<void>(verified.error())};
}

std::string info_text(const std::string& file, const ComponentInfo& info, const Signature& signature) {
  std::string text = fmt::format("{:<10}{}\n{:<10}{}\n", "file", printable(file), "kind", use_of(info.kind));
  text += fmt::format("{:<10}{}\n", "size", readable_size(info.size_bytes));
  text += fmt::format("{:<10}{}\n", "wasi", info.wasi_version.empty() ? "none" : printable(info.wasi_version));
  text += fmt::format("{:<10}{}\n", "toolchain", info.toolchain.empty() ? "not said" : printable(info.toolchain));
  text += list_text("imports", info.imports);
  text += list_text("exports", info.exports);
  if (signature.claims) text += "\n" + claims_text(*signature.claims, signature.valid);
  if (!info.wit.empty()) text += "\n" + wit_text(info.wit);
  return text;
}

std::string info_json(const std::string& file, const ComponentInfo& info, const Signature& signature) {
  JsonObject object;
  object.text("file", file).text("kind", kind_name(info.kind)).number("size_bytes", info.size_bytes);
  object.text("wasi_version", info.wasi_version).text("toolchain", info.toolchain);
  object.texts("imports", info.imports).texts("exports", info.exports).text("wit", info.wit);
  if (signature.claims) object.raw("claims", claims_json(*signature.claims, signature.valid));
  if (!info.json.empty()) object.raw("types", info.json);
  return object.str() + "\n";
}

Result<int> print_token(const std::string& target, const Signature& signature, const Context& context) {
  if (!signature.claims) {
    return Error(Errc::not_found, fmt::format("{} is not signed.", target), "Sign it with 'weft claims sign'.",
                 Blame::operator_);
  }
  context.console.out(printable(signature.claims->jwt) + "\n");
  return kExitSuccess;
}

Result<int> run(const Arguments& arguments, Context& context) {
  const std::string target = arguments.positional("FILE");
  auto artifact = local_artifact(target, arguments, context);
  if (!artifact && names_image(target)) return std::move(artifact).error();
  if (artifact && artifact->is_provider) return inspect_archive(artifact->path, context);
  // A file that cannot be opened is the host's to explain.
  const auto path = artifact ? artifact->path : target;
  const auto signature = signature_of(path, context);
  if (arguments.flag("jwt-only")) return print_token(target, signature, context);
  WEFT_TRY(HostConfig host_settings, host_config(arguments, context, Shards::single));
  WEFT_TRY(const std::unique_ptr<Host> host, context.make_host(std::move(host_settings)));
  WEFT_TRY(const ComponentInfo info, host->inspect(path));
  if (context.output == OutputFormat::json) {
    context.console.out(info_json(target, info, signature));
  } else {
    context.console.out(arguments.flag("wit") ? wit_text(info.wit) : info_text(target, info, signature));
  }
  return kExitSuccess;
}

}  // namespace

const CommandSpec& inspect_command() noexcept {
  static const CommandSpec spec{
      .name = "inspect",
      .summary = "show what a component is: its kind, WASI version, toolchain, size, signature and WIT",
      .positionals = kPositionals,
      .groups = {OptionGroup{"Options", kInspectOptions}, OptionGroup{"Registry", registry_options()}},
      .notes = "Of a provider archive it shows what 'weft par inspect' shows.",
      .examples =
          "weft inspect hello.wasm\nweft inspect --wit hello.wasm\nweft inspect hello.wasm --output json\nweft inspect "
          "registry.example/shop/cart:1.4.0",
      .run = run};
  return spec;
}

}  // namespace weft::cli
