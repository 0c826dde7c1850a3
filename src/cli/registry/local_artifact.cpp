// SPDX-License-Identifier: Apache-2.0
#include "cli/registry/local_artifact.hpp"

#include "cli/image_options.hpp"
#include "cli/progress.hpp"
#include "registry/file.hpp"
#include "wire/image_ref.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <string_view>

namespace weft::cli {
namespace {

constexpr std::string_view kGzipMagic = "\x1f\x8b";
constexpr std::string_view kTarMagic = "ustar";
constexpr std::size_t kTarMagicAt = 257;

}  // namespace

Result<bool> is_archive_file(const std::string& path) {
  WEFT_TRY(const auto file, registry::open_regular_file(path, UINT64_MAX));
  std::array<char, 512> begin{};
  WEFT_TRY(const auto count, registry::read_at(file.descriptor.get(), path, 0, begin));
  const std::string_view bytes(begin.data(), count);
  return bytes.starts_with(kGzipMagic) || bytes.substr(std::min(kTarMagicAt, count)).starts_with(kTarMagic);
}

bool names_image(const std::string& text) {
  std::error_code ignored;
  if (std::filesystem::exists(text, ignored)) return false;
  const auto ref = wire::parse_image_ref(text);
  // "cart.wasm" is a mistyped file rather than docker's cart.wasm.
  return ref && ref->kind == wire::ImageKind::oci && text.contains('/');
}

Result<LocalArtifact> pulled_artifact(const std::string& reference, const Arguments& arguments,
                                      const Context& context) {
  WEFT_TRY(const auto ref, wire::parse_image_ref(reference));
  if (ref.kind != wire::ImageKind::oci) {
    return Error(Errc::invalid_argument, fmt::format("'{}' is no image in a registry.", reference),
                 "Write for instance 'registry.example/shop/cart:1.0'.", Blame::operator_);
  }
  WEFT_TRY(auto config, store_config(reference, arguments, context));
  WEFT_TRY(const auto store, registry::ArtifactStore::open(std::move(config)));
  const Progress progress(context, "fetching ...");
  WEFT_TRY(auto image, store->fetch(reference, registry::ArtifactKind::any));
  auto wanted = arguments.value("digest").value_or("");
  if (!wanted.empty() && !wanted.contains(':')) wanted.insert(0, "sha256:");
  if (!wanted.empty() && wanted != image.image_digest) {
    return Error(Errc::permission_denied,
                 fmt::format("the image has the digest {} and not {}.", image.image_digest, wanted), "", Blame::peer);
  }
  LocalArtifact artifact;
  artifact.path = image.path;
  artifact.is_provider = image.kind == registry::ArtifactKind::provider;
  artifact.image = std::move(image);
  return artifact;
}

Result<LocalArtifact> local_artifact(const std::string& text, const Arguments& arguments, const Context& context) {
  if (names_image(text)) return pulled_artifact(text, arguments, context);
  LocalArtifact artifact;
  artifact.path = wire::without_file_scheme(text);
  WEFT_TRY(artifact.is_provider, is_archive_file(artifact.path));
  return artifact;
}

}  // namespace weft::cli
