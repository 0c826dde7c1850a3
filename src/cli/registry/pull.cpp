// SPDX-License-Identifier: Apache-2.0
/// `weft pull`: a component or provider from a registry, as a file.
#include "cli/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/image_options.hpp"
#include "cli/json_text.hpp"
#include "cli/registry/local_artifact.hpp"
#include "cli/utf8.hpp"
#include "registry/file.hpp"
#include "wire/image_ref.hpp"

#include <fmt/format.h>

#include <array>

namespace weft::cli {
namespace {

constexpr std::size_t kChunkBytes = std::size_t{128} * 1024;

constexpr std::array kReference =
    std::to_array<PositionalSpec>({{.name = "REFERENCE", .help = "an image, such as registry.example/shop/cart:1.0"}});
constexpr std::array kOptions = std::to_array<OptionSpec>({
    {.name = "destination", .value = "FILE", .help = "where it goes", .fallback = "the image's name here"},
    {.name = "digest", .value = "DIGEST", .help = "that the image must have", .letter = 'd'},
});

Result<void> copy_file(const std::string& from, const std::string& to) {
  WEFT_TRY(const auto source, registry::open_regular_file(from, UINT64_MAX));
  WEFT_TRY(auto target, registry::NewFile::create(to));
  std::vector<char> chunk(kChunkBytes);
  for (std::uint64_t at = 0;;) {
    WEFT_TRY(const auto count, registry::read_at(source.descriptor.get(), from, at, chunk));
    if (count == 0) return target.commit(0644);
    WEFT_CHECK(target.write({chunk.data(), count}));
    at += count;
  }
}

Result<std::string> file_name(const std::string& reference, bool is_provider) {
  WEFT_TRY(const auto ref, wire::parse_image_ref(reference));
  WEFT_TRY(const auto image, wire::parse_oci_ref(ref.stripped));
  return image.repository.substr(image.repository.rfind('/') + 1) + (is_provider ? ".par.gz" : ".wasm");
}

Result<int> run(const Arguments& arguments, Context& context) {
  const auto reference = arguments.positional("REFERENCE");
  WEFT_TRY(const auto artifact, pulled_artifact(reference, arguments, context));
  auto destination = arguments.value("destination").value_or("");
  if (destination.empty()) {
    WEFT_TRY(destination, file_name(reference, artifact.is_provider));
  }
  WEFT_CHECK(copy_file(artifact.path, destination));
  const auto& digest = artifact.image->image_digest;
  if (context.output == OutputFormat::json) {
    JsonObject line;
    line.text("file", destination).text("digest", digest).text("kind", artifact.is_provider ? "provider" : "component");
    context.console.out(line.str() + "\n");
  } else {
    context.console.out(fmt::format("{}\n{}\n", printable(destination), digest));
  }
  return kExitSuccess;
}

}  // namespace

const CommandSpec& pull_command() noexcept {
  static const CommandSpec spec{
      .name = "pull",
      .summary = "fetch a component or provider from a registry",
      .positionals = kReference,
      .groups = {OptionGroup{"Options", kOptions}, OptionGroup{"Registry", registry_options()}},
      .examples =
          "weft pull registry.example/shop/cart:1.4.0\n"
          "weft pull localhost:5000/shop/cart:1.4.0 --insecure --destination cart.wasm",
      .run = run};
  return spec;
}

}  // namespace weft::cli
