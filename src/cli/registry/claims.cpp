// SPDX-License-Identifier: Apache-2.0
/// `weft claims sign` and `weft claims inspect`.
#include "cli/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/image_options.hpp"
#include "cli/json_text.hpp"
#include "cli/registry/claims_options.hpp"
#include "cli/registry/claims_text.hpp"
#include "cli/registry/keyring.hpp"
#include "cli/registry/local_artifact.hpp"
#include "cli/utf8.hpp"
#include "registry/file.hpp"
#include "wire/wasm_token.hpp"

#include <fmt/format.h>

#include <array>
#include <filesystem>

namespace weft::cli {
namespace {

constexpr std::uint64_t kMaxComponent = std::uint64_t{1} * 1024 * 1024 * 1024;

constexpr std::array kFile = std::to_array<PositionalSpec>({{.name = "FILE", .help = "a component (.wasm)"}});
constexpr std::array kTarget =
    std::to_array<PositionalSpec>({{.name = "FILE", .help = "a component: a file or an image"}});
constexpr std::array kSign = std::to_array<OptionSpec>({
    {.name = "destination",
     .value = "FILE",
     .help = "where the signed component goes",
     .fallback = "FILE with _s at the end of its name",
     .letter = 'd'},
    {.name = "name", .value = "TEXT", .help = "a name for people", .fallback = "that of the file", .letter = 'n'},
    {.name = "tag", .value = "TEXT", .help = "any word", .letter = 't', .repeat = Repeat::many},
    {.name = "rev", .value = "N", .help = "revision", .fallback = "0", .letter = 'r'},
    {.name = "ver", .value = "TEXT", .help = "version", .letter = 'v'},
    {.name = "call-alias", .value = "TEXT", .help = "another name to call it by", .letter = 'a'},
    {.name = "expires", .value = "DAYS", .help = "it holds that long", .fallback = "for ever", .letter = 'x'},
    {.name = "nbf", .value = "DAYS", .help = "it holds only after that time", .fallback = "0", .letter = 'b'},
});
constexpr std::array kInspect = std::to_array<OptionSpec>({
    {.name = "jwt-only", .value = "", .help = "print only the token"},
    {.name = "digest", .value = "DIGEST", .help = "that the image must have", .letter = 'd'},
});

std::string signed_name(const std::string& path) {
  const std::filesystem::path file(path);
  return (file.parent_path() / (file.stem().string() + "_s" + file.extension().string())).string();
}

Result<int> sign(const Arguments& arguments, Context& context) {
  const auto file = arguments.positional("FILE");
  WEFT_TRY(const auto wasm, registry::read_file(file, kMaxComponent));
  WEFT_TRY(auto claims, component_claims(arguments, context, std::filesystem::path(file).stem().string()));
  WEFT_TRY(const auto keyring, Keyring::open(arguments, context));
  WEFT_TRY(const auto issuer, keyring.issuer());
  WEFT_TRY(const auto subject, keyring.subject(file, wire::KeyKind::module_));
  claims.subject = subject.public_text();
  WEFT_TRY(const auto signed_wasm, wire::sign_component(wasm, claims, new_stamp(context), issuer));
  const auto destination = arguments.value("destination").value_or(signed_name(file));
  WEFT_TRY(auto out, registry::NewFile::create(destination));
  WEFT_CHECK(out.write(signed_wasm));
  WEFT_CHECK(out.commit(0644));
  if (context.output == OutputFormat::json) {
    JsonObject line;
    line.text("file", destination).text("component", claims.subject).text("issuer", issuer.public_text());
    context.console.out(line.str() + "\n");
  } else {
    context.console.out(fmt::format("signed {} as {}\n", printable(destination), claims.subject));
  }
  return kExitSuccess;
}

Result<int> inspect(const Arguments& arguments, Context& context) {
  WEFT_TRY(const auto artifact, local_artifact(arguments.positional("FILE"), arguments, context));
  WEFT_TRY(const auto wasm, registry::read_file(artifact.path, kMaxComponent));
  WEFT_TRY(const auto claims, wire::peek_component_claims(wasm));
  if (!claims) {
    return Error(Errc::not_found, fmt::format("{} is not signed.", arguments.positional("FILE")),
                 "Sign it with 'weft claims sign'.", Blame::operator_);
  }
  if (arguments.flag("jwt-only")) {
    context.console.out(printable(claims->jwt) + "\n");
    return kExitSuccess;
  }
  const auto verified = wire::extract_component_claims(wasm, context.now());
  const auto valid = verified ? Result<void>() : Result<void>(verified.error());
  context.console.out(context.output == OutputFormat::json ? claims_json(*claims, valid) + "\n"
                                                           : claims_text(*claims, valid));
  return kExitSuccess;
}

}  // namespace

const CommandSpec& claims_sign_command() noexcept {
  static const CommandSpec spec{
      .name = "claims sign",
      .summary = "sign a component",
      .positionals = kFile,
      .groups = {OptionGroup{"Claims", kSign}, OptionGroup{"Keys", signing_options()}},
      .notes = "Keys that are missing are made and kept. A signature that is there already is replaced.",
      .examples =
          "weft claims sign cart.wasm --name cart --ver 1.4.0\n"
          "weft claims sign cart.wasm --issuer ./team.nk --subject ./cart.nk --destination signed.wasm",
      .run = sign};
  return spec;
}

const CommandSpec& claims_inspect_command() noexcept {
  static const CommandSpec spec{
      .name = "claims inspect",
      .summary = "show who signed a component, and whether that holds",
      .positionals = kTarget,
      .groups = {OptionGroup{"Options", kInspect}, OptionGroup{"Registry", registry_options()}},
      .examples = "weft claims inspect cart_s.wasm\nweft claims inspect registry.example/shop/cart:1.4.0",
      .run = inspect};
  return spec;
}

}  // namespace weft::cli
