// SPDX-License-Identifier: Apache-2.0
/// Components and providers as images: from a reference to what it means now, to the bytes; and back.
/// Threads: as OciClient. Errors: those of OciClient and of kind_of(); resource_exhausted for what is longer than
/// allowed. Source: control-plane facts 7.2.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>
#include <weft/result.hpp>

#include "registry/oci_client.hpp"
#include "registry/oci_manifest.hpp"

namespace weft::registry {

/// What a reference means now.
struct ResolvedImage {
  std::string digest;  ///< of the manifest or the index that the reference names
  ArtifactKind kind = ArtifactKind::any;
  std::vector<Descriptor> layers;  ///< one after the other they are the artefact
  std::uint64_t size = 0;
  std::map<std::string, std::string> annotations;
};

/// An index leads to the manifest for this machine, but not to another index.
Result<ResolvedImage> resolve_image(OciClient& client, const std::string& reference, ArtifactKind wanted,
                                    std::uint64_t max_bytes);
/// The layers, to a sink that has only `take` of BlobSink's: what of a layer comes again is told by `rewind`, with the
/// length of what stays.
struct ImageSink {
  std::function<Result<void>(std::uint64_t size)> rewind;
  std::function<Result<void>(std::string_view)> take;
};
Result<void> fetch_image(OciClient& client, const ResolvedImage& image, const ImageSink& sink);

/// What wasmCloud's tools had before version 1.0 of wasm images, and have now.
enum class MediaTypes : std::uint8_t { current, legacy };

struct NewImage {
  ArtifactKind kind = ArtifactKind::component;
  MediaTypes types = MediaTypes::current;
  std::string layer_digest;
  std::uint64_t layer_size = 0;
  HttpBody layer;
  std::string config;                ///< JSON text; empty: one that fits the kind
  std::vector<std::string> imports;  ///< of a component, for that config
  std::vector<std::string> exports;
  std::string created;  ///< RFC 3339
  std::map<std::string, std::string> annotations;
};
/// `tag`: or a digest, which must then be that of the manifest. Gives the manifest's digest.
Result<std::string> push_image(OciClient& client, const std::string& tag, const NewImage& image);

}  // namespace weft::registry
