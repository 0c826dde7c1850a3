// SPDX-License-Identifier: Apache-2.0
#include "registry/oci_image.hpp"

#include <fmt/format.h>

#include "wire/json.hpp"

namespace weft::registry {
namespace {

namespace json = boost::json;

Result<ImageManifest> fetch_manifest_for_here(OciClient& client, const OciClient::Fetched& fetched) {
  WEFT_TRY(auto decoded, decode_manifest(fetched.text, fetched.content_type));
  if (auto* const manifest = std::get_if<ImageManifest>(&decoded)) return std::move(*manifest);
  WEFT_TRY(const auto chosen, choose_manifest(std::get<ImageIndex>(decoded)));
  WEFT_TRY(const auto inner, client.fetch_manifest(chosen.digest));
  WEFT_TRY(auto second, decode_manifest(inner.text, inner.content_type));
  if (auto* const manifest = std::get_if<ImageManifest>(&second)) return std::move(*manifest);
  return Error(Errc::unsupported, "an image index that leads to another index is not followed", {}, Blame::peer);
}

/// The config of a component: which machine it is for, and what it imports and exports.
std::string wasm_config(const NewImage& image) {
  json::object object{{"created", image.created},
                      {"architecture", "wasm"},
                      {"os", "wasip2"},
                      {"layerDigests", json::array{json::string(image.layer_digest)}}};
  object["component"] = json::object{
      {"exports", wire::to_json(image.exports)}, {"imports", wire::to_json(image.imports)}, {"target", nullptr}};
  return wire::json_text(object);
}

struct Types {
  std::string_view config;
  std::string_view layer;
};

Types types_of(const NewImage& image) {
  if (image.kind == ArtifactKind::provider) return {kProviderConfigType, kProviderLayerType};
  if (image.types == MediaTypes::legacy) return {kOldWasmConfigType, kOldWasmLayerType};
  return {kWasmConfigType, kWasmLayerType};
}

std::string config_of(const NewImage& image) {
  if (!image.config.empty()) return image.config;
  const bool is_wasm = image.kind == ArtifactKind::component && image.types == MediaTypes::current;
  return is_wasm ? wasm_config(image) : "{}";
}

}  // namespace

Result<ResolvedImage> resolve_image(OciClient& client, const std::string& reference, ArtifactKind wanted,
                                    std::uint64_t max_bytes) {
  WEFT_TRY(const auto fetched, client.fetch_manifest(reference));
  WEFT_TRY(auto manifest, fetch_manifest_for_here(client, fetched));
  ResolvedImage image;
  image.digest = fetched.digest;
  WEFT_TRY(image.kind, kind_of(manifest, wanted));
  for (const auto& layer : manifest.layers) {
    if (layer.size > max_bytes - image.size) {
      return Error(Errc::resource_exhausted,
                   fmt::format("the image has more than the {} bytes that are allowed", max_bytes), {}, Blame::peer);
    }
    image.size += layer.size;
  }
  image.layers = std::move(manifest.layers);
  image.annotations = std::move(manifest.annotations);
  return image;
}

Result<void> fetch_image(OciClient& client, const ResolvedImage& image, const ImageSink& sink) {
  std::uint64_t begin = 0;
  for (const auto& layer : image.layers) {
    WEFT_CHECK(client.fetch_blob(layer, {.restart = [&] { return sink.rewind(begin); }, .take = sink.take}));
    begin += layer.size;
  }
  return {};
}

Result<std::string> push_image(OciClient& client, const std::string& tag, const NewImage& image) {
  const auto types = types_of(image);
  const auto config = config_of(image);
  ImageManifest manifest;
  manifest.media_type = kImageManifestType;
  manifest.config = {std::string(types.config), digest_text(config), config.size()};
  manifest.layers = {{std::string(types.layer), image.layer_digest, image.layer_size}};
  manifest.annotations = image.annotations;
  const auto text = encode_manifest(manifest);
  if (is_sha256_digest(tag) && tag != digest_text(text)) {
    return Error(Errc::invalid_argument, fmt::format("the image has the digest {} and not {}", digest_text(text), tag),
                 "push it to a tag", Blame::operator_);
  }
  WEFT_CHECK(client.push_blob(manifest.layers.front(), image.layer));
  WEFT_CHECK(client.push_blob(manifest.config, body_of(config)));
  return client.push_manifest(tag, manifest.media_type, text);
}

}  // namespace weft::registry
