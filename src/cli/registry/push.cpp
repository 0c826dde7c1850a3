// SPDX-License-Identifier: Apache-2.0
/// `weft push`: a component or provider to a registry.
#include "cli/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/image_options.hpp"
#include "cli/json_text.hpp"
#include "cli/option_value.hpp"
#include "cli/options.hpp"
#include "cli/progress.hpp"
#include "cli/registry/local_artifact.hpp"
#include "cli/utf8.hpp"
#include "registry/file.hpp"
#include "registry/oci_image.hpp"
#include "registry/par.hpp"
#include "registry/registry_table.hpp"
#include "wire/image_ref.hpp"
#include "wire/time_text.hpp"

#include <fmt/format.h>

#include <array>

namespace weft::cli {
namespace {

constexpr std::uint64_t kMaxArtifact = std::uint64_t{1} * 1024 * 1024 * 1024;
constexpr std::uint64_t kMaxConfig = std::uint64_t{1} * 1024 * 1024;

constexpr std::array kPositionals = std::to_array<PositionalSpec>({
    {.name = "REFERENCE", .help = "where to, such as registry.example/shop/cart:1.0"},
    {.name = "FILE", .help = "a component (.wasm) or a provider archive"},
});
constexpr std::array kOptions = std::to_array<OptionSpec>({
    {.name = "annotation", .value = "K=V", .help = "of the image's manifest", .letter = 'a', .repeat = Repeat::many},
    {.name = "config", .value = "FILE", .help = "JSON to be the image's configuration", .letter = 'c'},
    {.name = "media-types", .value = "current|legacy", .help = "of a component", .fallback = "current"},
});

Result<void> describe_component(registry::NewImage& image, const std::string& file, const Arguments& arguments,
                                const Context& context) {
  WEFT_TRY(HostConfig settings, host_config(arguments, context, Shards::single));
  WEFT_TRY(const auto host, context.make_host(std::move(settings)));
  WEFT_TRY(auto info, host->inspect(file));
  image.imports = std::move(info.imports);
  image.exports = std::move(info.exports);
  return {};
}

/// A provider archive that would not start is not worth pushing.
Result<void> check_provider(const std::string& file, const Context& context) {
  WEFT_TRY(const auto archive, registry::ProviderArchive::open(file, context.now()));
  return archive.check_hashes();
}

Result<registry::NewImage> new_image(const std::string& file, const Arguments& arguments, const Context& context) {
  registry::NewImage image;
  WEFT_TRY(const bool is_archive, is_archive_file(file));
  image.kind = is_archive ? registry::ArtifactKind::provider : registry::ArtifactKind::component;
  WEFT_CHECK(is_archive ? check_provider(file, context) : describe_component(image, file, arguments, context));
  if (arguments.value("media-types") == "legacy") image.types = registry::MediaTypes::legacy;
  image.created = wire::time_text(context.now());
  WEFT_TRY(image.annotations, read_pairs(arguments, "annotation"));
  if (const auto config = arguments.value("config")) {
    WEFT_TRY(image.config, registry::read_file(*config, kMaxConfig));
  }
  return image;
}

Result<int> run(const Arguments& arguments, Context& context) {
  const auto reference = arguments.positional("REFERENCE");
  const auto file = arguments.positional("FILE");
  WEFT_TRY(auto config, store_config(reference, arguments, context));
  WEFT_TRY(const auto ref, wire::parse_image_ref(reference));
  WEFT_TRY(const auto target, wire::parse_oci_ref(ref.stripped));
  if (target.is_latest() && !config.allow_latest) {
    return Error(Errc::permission_denied, "the tag latest would be pushed.", "Name a version, or add '--allow-latest'.",
                 Blame::operator_);
  }
  WEFT_TRY(auto image, new_image(file, arguments, context));
  WEFT_TRY(const auto opened, registry::open_regular_file(file, kMaxArtifact));
  const int descriptor = opened.descriptor.get();
  image.layer_size = opened.size;
  WEFT_TRY(image.layer_digest, registry::digest_of(descriptor, file));
  image.layer = {opened.size, [descriptor, &file](std::uint64_t at, char* buffer, std::size_t size) {
                   return registry::read_at(descriptor, file, at, {buffer, size});
                 }};
  WEFT_TRY(const auto registries, registry::RegistryTable::create(std::move(config.access)));
  WEFT_TRY(auto client, registry::OciClient::create(std::string(target.api_host()), target.repository,
                                                    registries->settings_for(target, {})));
  Progress progress(context, "pushing ...");
  WEFT_TRY(const auto digest, registry::push_image(client, target.reference(), image));
  progress.finish();
  if (context.output == OutputFormat::json) {
    context.console.out(JsonObject().text("reference", target.text()).text("digest", digest).str() + "\n");
  } else {
    context.console.out(fmt::format("{}\n{}\n", printable(target.text()), digest));
  }
  return kExitSuccess;
}

}  // namespace

const CommandSpec& push_command() noexcept {
  static const CommandSpec spec{
      .name = "push",
      .summary = "store a component or provider in a registry",
      .positionals = kPositionals,
      .groups = {OptionGroup{"Options", kOptions}, OptionGroup{"Registry", registry_options()}},
      .notes =
          "A component is pushed as WebAssembly artefacts are now; '--media-types legacy' is for hosts before 1.0.",
      .examples =
          "weft push registry.example/shop/cart:1.4.0 cart.wasm\n"
          "weft push localhost:5000/shop/keyvalue:0.3 keyvalue.par.gz --insecure",
      .run = run};
  return spec;
}

}  // namespace weft::cli
