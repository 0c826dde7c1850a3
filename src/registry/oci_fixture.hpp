// SPDX-License-Identifier: Apache-2.0
/// For tests: images, and a registry that has them and answers as it should; a test's script goes before it.
#pragma once

#include <string>
#include <utility>

#include "registry/fake_registry.hpp"
#include "registry/oci_client.hpp"
#include "registry/oci_manifest.hpp"

namespace weft::registry::testing_support {

struct TestImage {
  std::string layer;
  std::string manifest;

  [[nodiscard]] std::string digest() const { return digest_text(manifest); }
  [[nodiscard]] std::string layer_digest() const { return digest_text(layer); }
  [[nodiscard]] Descriptor blob() const { return {std::string(kWasmLayerType), layer_digest(), layer.size()}; }
};

inline TestImage image_of(std::string layer, std::string_view layer_type = kWasmLayerType,
                          std::string_view config_type = kWasmConfigType) {
  ImageManifest manifest;
  manifest.media_type = kImageManifestType;
  manifest.config = {std::string(config_type), digest_text("{}"), 2};
  manifest.layers = {{std::string(layer_type), digest_text(layer), layer.size()}};
  return {std::move(layer), encode_manifest(manifest)};
}

inline FakeReply not_found() {
  return {.status = 404, .body = R"({"errors":[{"code":"NAME_UNKNOWN","message":"never heard of it"}]})"};
}

/// The registry's side of pulling this image as shop/cart:1.
inline FakeReply serve_image(const TestImage& image, const FakeRequest& request) {
  const std::string base = "/v2/shop/cart/";
  if (request.target == base + "manifests/1" || request.target == base + "manifests/" + image.digest()) {
    return {.headers = {{"Content-Type", std::string(kImageManifestType)}, {"Docker-Content-Digest", image.digest()}},
            .body = image.manifest};
  }
  if (request.target == base + "blobs/" + image.layer_digest()) return {.body = image.layer};
  return not_found();
}

inline OciSettings quick_settings() {
  OciSettings settings;
  settings.http.scheme = Scheme::http;
  settings.http.stall_timeout = std::chrono::seconds(1);
  settings.patience = {
      .attempts = 3, .first_pause = std::chrono::milliseconds(1), .longest_pause = std::chrono::milliseconds(2)};
  return settings;
}

}  // namespace weft::registry::testing_support
