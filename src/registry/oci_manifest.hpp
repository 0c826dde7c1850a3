// SPDX-License-Identifier: Apache-2.0
/// Manifests of images, as far as components and providers need them: what is inside, and which of several is meant.
///
/// Threads: plain values and pure functions. Errors: malformed (blame: peer), unsupported (a hash or a kind of artefact
/// that is not ours), not_found (nothing for this machine). Limits: kMaxManifestBytes, kMaxLayers, kMaxIndexEntries.
/// Source: OCI image specification 1.1 (manifest.md, image-index.md, descriptor.md); control-plane facts 7.2; wasm
/// artefacts: CNCF TAG Runtime, "Wasm OCI Artifact layout" 0.1.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>
#include <weft/result.hpp>

namespace weft::registry {

inline constexpr std::size_t kMaxManifestBytes = std::size_t{4} * 1024 * 1024;
inline constexpr std::size_t kMaxLayers = 16;
inline constexpr std::size_t kMaxIndexEntries = 256;

inline constexpr std::string_view kImageManifestType = "application/vnd.oci.image.manifest.v1+json";
inline constexpr std::string_view kDockerManifestType = "application/vnd.docker.distribution.manifest.v2+json";
inline constexpr std::string_view kImageIndexType = "application/vnd.oci.image.index.v1+json";
inline constexpr std::string_view kDockerIndexType = "application/vnd.docker.distribution.manifest.list.v2+json";

inline constexpr std::string_view kWasmLayerType = "application/wasm";
inline constexpr std::string_view kWasmConfigType = "application/vnd.wasm.config.v0+json";
inline constexpr std::string_view kOldWasmLayerType = "application/vnd.module.wasm.content.layer.v1+wasm";
inline constexpr std::string_view kOldWasmConfigType = "application/vnd.wasmcloud.actor.archive.config";
inline constexpr std::string_view kProviderLayerType = "application/vnd.wasmcloud.provider.archive.layer.v1+par";
inline constexpr std::string_view kProviderConfigType = "application/vnd.wasmcloud.provider.archive.config";
/// Only a label here: such bytes are used as they are and never unpacked.
inline constexpr std::string_view kTarLayerType = "application/vnd.oci.image.layer.v1.tar";

/// Whether it is "sha256:" and 64 digits in lower case.
bool is_sha256_digest(std::string_view text) noexcept;
/// "sha256:...".
std::string digest_text(std::string_view bytes);

struct Descriptor {
  std::string media_type;
  std::string digest;
  std::uint64_t size = 0;
  bool operator==(const Descriptor&) const = default;
};

struct ImageManifest {
  std::string media_type;
  Descriptor config;
  std::vector<Descriptor> layers;
  std::map<std::string, std::string> annotations;
};

struct IndexEntry {
  Descriptor manifest;
  std::string architecture;  ///< "amd64", "wasm"; empty: not said
  std::string os;
};
struct ImageIndex {
  std::vector<IndexEntry> entries;
};

/// `content_type`: of the answer; counts where the text does not say itself what it is.
Result<std::variant<ImageManifest, ImageIndex>> decode_manifest(std::string_view json, std::string_view content_type);
/// Members in alphabetical order, as registries written in Go and wasmCloud's tools have them.
std::string encode_manifest(const ImageManifest& manifest);

enum class ArtifactKind : std::uint8_t { component, provider, any };

/// The entry for WebAssembly, else that for this machine, else the only one.
Result<Descriptor> choose_manifest(const ImageIndex& index);
/// component or provider, by its layers; `wanted` must be what it is.
Result<ArtifactKind> kind_of(const ImageManifest& manifest, ArtifactKind wanted);

}  // namespace weft::registry
