// SPDX-License-Identifier: Apache-2.0
// Any bytes as what a registry says: manifests, challenges, tokens, errors, and docker's configuration. The first byte
// chooses. A manifest that decodes must encode to one that decodes to the same.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "registry/docker_config.hpp"
#include "registry/oci_auth.hpp"
#include "registry/oci_failure.hpp"
#include "registry/oci_manifest.hpp"

namespace {

using namespace weft::registry;

void insist(bool condition) {
  if (!condition) std::abort();
}

void check_manifest(std::string_view bytes) {
  const auto decoded = decode_manifest(bytes, "");
  if (!decoded) return;
  if (const auto* const index = std::get_if<ImageIndex>(&*decoded)) {
    if (const auto chosen = choose_manifest(*index)) insist(is_sha256_digest(chosen->digest));
    return;
  }
  const auto& image = std::get<ImageManifest>(*decoded);
  for (const auto wanted : {ArtifactKind::component, ArtifactKind::provider, ArtifactKind::any}) {
    const auto kind = kind_of(image, wanted);
    if (kind) insist(*kind != ArtifactKind::any && (wanted == ArtifactKind::any || *kind == wanted));
  }
  for (const auto& layer : image.layers) insist(is_sha256_digest(layer.digest));
  const auto text = encode_manifest(image);
  const auto again = decode_manifest(text, "");
  insist(static_cast<bool>(again));
  insist(encode_manifest(std::get<ImageManifest>(*again)) == text);
}

void check_words(std::string_view bytes) {
  for (const char c : failure_words(bytes)) insist(c >= ' ' && c < 0x7f);
  if (const auto token = decode_token_answer(bytes)) insist(!token->empty() && !token->contains('\n'));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (bytes.empty()) return 0;
  const char kind = bytes.front();
  bytes.remove_prefix(1);
  switch (kind) {
    case 'c':
      insist(parse_challenges(bytes).size() <= 8);
      break;
    case 'd':
      static_cast<void>(decode_docker_config(bytes));
      break;
    case 'w':
      check_words(bytes);
      break;
    default:
      check_manifest(bytes);
  }
  return 0;
}
