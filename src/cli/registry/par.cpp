// SPDX-License-Identifier: Apache-2.0
/// `weft par create`, `weft par insert` and `weft par inspect`: provider archives.
#include "registry/par.hpp"

#include "cli/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/file.hpp"
#include "cli/image_options.hpp"
#include "cli/json_text.hpp"
#include "cli/parse_number.hpp"
#include "cli/registry/claims_text.hpp"
#include "cli/registry/inspect_archive.hpp"
#include "cli/registry/keyring.hpp"
#include "cli/registry/local_artifact.hpp"
#include "cli/utf8.hpp"
#include "registry/par_writer.hpp"

#include <fmt/format.h>

#include <array>
#include <limits>

namespace weft::cli {
namespace {

constexpr std::uint64_t kMaxWorld = std::uint64_t{16} * 1024 * 1024;

constexpr std::array kArchive = std::to_array<PositionalSpec>({{.name = "FILE", .help = "a provider archive"}});
constexpr std::array kTarget =
    std::to_array<PositionalSpec>({{.name = "FILE", .help = "a provider archive: a file or an image"}});
constexpr OptionSpec kBinary{.name = "binary", .value = "FILE", .help = "the executable", .letter = 'b'};
constexpr OptionSpec kArch{.name = "arch",
                           .value = "ARCH-OS",
                           .help = "what the executable runs on, such as aarch64-linux",
                           .fallback = "this machine",
                           .letter = 'a'};
constexpr std::array kCreate = std::to_array<OptionSpec>({
    {.name = "name", .value = "TEXT", .help = "of the provider", .letter = 'n'},
    {.name = "vendor", .value = "TEXT", .help = "who makes it", .letter = 'v'},
    kBinary,
    kArch,
    {.name = "revision", .value = "N", .help = "a number that grows", .fallback = "0", .letter = 'r'},
    {.name = "version", .value = "TEXT", .help = "for people"},
    {.name = "schema", .value = "FILE", .help = "JSON schema of its links' configuration", .letter = 'j'},
    {.name = "world", .value = "FILE", .help = "its interfaces, WIT encoded as WebAssembly"},
    {.name = "destination", .value = "FILE", .help = "the archive", .fallback = "NAME.par or NAME.par.gz"},
    {.name = "compress", .value = "", .help = "with gzip"},
});
constexpr std::array kInsert = std::to_array<OptionSpec>({kBinary, kArch});
constexpr std::array kInspect = std::to_array<OptionSpec>(
    {{.name = "digest", .value = "DIGEST", .help = "that the image must have", .letter = 'd'}});

Result<std::string> required(const Arguments& arguments, std::string_view option) {
  auto value = arguments.value(option).value_or("");
  if (!value.empty()) return value;
  return Error(Errc::invalid_argument, fmt::format("'--{}' is missing.", option), "See 'weft help par'.",
               Blame::operator_);
}

Result<registry::ParExecutable> executable(const Arguments& arguments) {
  registry::ParExecutable executable;
  WEFT_TRY(executable.path, required(arguments, "binary"));
  executable.target = arguments.value("arch").value_or(registry::own_target());
  return executable;
}

void print_archive(const Context& context, const std::string& path, const std::string& subject,
                   const std::string& issuer) {
  if (context.output == OutputFormat::json) {
    context.console.out(JsonObject().text("file", path).text("provider", subject).text("issuer", issuer).str() + "\n");
  } else {
    context.console.out(fmt::format("wrote {}, provider {}\n", printable(path), subject));
  }
}

Result<wire::ProviderClaims> new_claims(const Arguments& arguments) {
  wire::ProviderClaims claims;
  WEFT_TRY(claims.name, required(arguments, "name"));
  WEFT_TRY(claims.vendor, required(arguments, "vendor"));
  claims.version = arguments.value("version").value_or("");
  const auto revision =
      parse_whole(arguments.value("revision").value_or("0"), std::numeric_limits<std::int32_t>::max());
  if (!revision) {
    return Error(Errc::invalid_argument, "'--revision' is not a number that fits.", "Write a whole number.",
                 Blame::operator_);
  }
  claims.revision = static_cast<std::int32_t>(*revision);
  if (const auto schema = arguments.value("schema")) {
    WEFT_TRY(claims.config_schema, read_file(*schema));
  }
  return claims;
}

Result<int> create(const Arguments& arguments, Context& context) {
  registry::NewProvider provider;
  WEFT_TRY(provider.claims, new_claims(arguments));
  WEFT_TRY(auto program, executable(arguments));
  if (const auto world = arguments.value("world")) {
    WEFT_TRY(provider.world, registry::read_file(*world, kMaxWorld));
  }
  const bool is_compressed = arguments.flag("compress");
  provider.compression = is_compressed ? registry::ParCompression::gzip : registry::ParCompression::none;
  const auto destination = arguments.value("destination")
                               .value_or(fmt::format("{}.par{}", provider.claims.name, is_compressed ? ".gz" : ""));
  WEFT_TRY(const auto keyring, Keyring::open(arguments, context));
  WEFT_TRY(const auto issuer, keyring.issuer());
  WEFT_TRY(const auto subject, keyring.subject(program.path, wire::KeyKind::service));
  provider.claims.subject = subject.public_text();
  provider.executables.push_back(std::move(program));
  WEFT_CHECK(registry::create_provider_archive(destination, provider, new_stamp(context), issuer));
  print_archive(context, destination, provider.claims.subject, issuer.public_text());
  return kExitSuccess;
}

Result<int> insert(const Arguments& arguments, Context& context) {
  const auto path = arguments.positional("FILE");
  WEFT_TRY(const auto program, executable(arguments));
  WEFT_TRY(const auto keyring, Keyring::open(arguments, context));
  WEFT_TRY(const auto issuer, keyring.issuer());
  WEFT_CHECK(registry::insert_executable(path, program, new_stamp(context), issuer, context.now()));
  WEFT_TRY(const auto archive, registry::ProviderArchive::open(path, context.now()));
  print_archive(context, path, archive.claims().subject, issuer.public_text());
  return kExitSuccess;
}

Result<int> inspect(const Arguments& arguments, Context& context) {
  WEFT_TRY(const auto artifact, local_artifact(arguments.positional("FILE"), arguments, context));
  return inspect_archive(artifact.path, context);
}

}  // namespace

Result<int> inspect_archive(const std::string& path, Context& context) {
  const auto verified = registry::ProviderArchive::open(path, context.now());
  WEFT_TRY(const auto archive, registry::ProviderArchive::open(path, context.now(), registry::ParTrust::unverified));
  const auto valid = verified ? archive.check_hashes() : Result<void>(verified.error());
  context.console.out(context.output == OutputFormat::json ? archive_json(archive, valid) + "\n"
                                                           : archive_text(archive, valid));
  return kExitSuccess;
}

const CommandSpec& par_create_command() noexcept {
  static const CommandSpec spec{
      .name = "par create",
      .summary = "make a provider archive of an executable",
      .groups = {OptionGroup{"Archive", kCreate}, OptionGroup{"Keys", signing_options()}},
      .notes = "Keys that are missing are made and kept; the provider's is named after the executable.",
      .examples = "weft par create --name keyvalue --vendor acme --binary ./keyvalue --compress",
      .run = create};
  return spec;
}

const CommandSpec& par_insert_command() noexcept {
  static const CommandSpec spec{
      .name = "par insert",
      .summary = "put an executable for a further kind of machine into a provider archive",
      .positionals = kArchive,
      .groups = {OptionGroup{"Archive", kInsert}, OptionGroup{"Keys", signing_options()}},
      .notes = "What the archive says stays; it is signed anew. '--subject' is not needed and not used.",
      .examples = "weft par insert keyvalue.par.gz --arch aarch64-linux --binary ./keyvalue-arm",
      .run = insert};
  return spec;
}

const CommandSpec& par_inspect_command() noexcept {
  static const CommandSpec spec{
      .name = "par inspect",
      .summary = "show what is in a provider archive, and whether its signature holds",
      .positionals = kTarget,
      .groups = {OptionGroup{"Options", kInspect}, OptionGroup{"Registry", registry_options()}},
      .examples = "weft par inspect keyvalue.par.gz\nweft par inspect registry.example/shop/keyvalue:0.3",
      .run = inspect};
  return spec;
}

}  // namespace weft::cli
