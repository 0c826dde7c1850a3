// SPDX-License-Identifier: Apache-2.0
#include "registry/oci_manifest.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "wire/json.hpp"
#include "wire/sha256.hpp"

namespace weft::registry {
namespace {

namespace json = boost::json;
constexpr std::string_view kWhat = "image manifest";
constexpr std::string_view kDigestPrefix = "sha256:";

#if defined(__x86_64__)
constexpr std::string_view kMachine = "amd64";
#elif defined(__aarch64__)
constexpr std::string_view kMachine = "arm64";
#else
constexpr std::string_view kMachine = "riscv64";
#endif

Error malformed(std::string_view fault) { return wire::malformed_json(kWhat, fault); }

/// For messages: media types come from outside.
std::string shown(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, 100)) out += c > ' ' && c < 0x7f ? c : '?';
  return out;
}

Result<Descriptor> decode_descriptor(const json::value& value) {
  if (!value.is_object()) return malformed("a descriptor is no object");
  Descriptor descriptor;
  wire::MemberReader members(value.get_object());
  members.required("mediaType", descriptor.media_type)
      .required("digest", descriptor.digest)
      .required("size", descriptor.size);
  if (!members.fault().empty()) return malformed(members.fault());
  if (!is_sha256_digest(descriptor.digest)) {
    return Error(Errc::unsupported,
                 fmt::format("the image has a digest that is no SHA-256: {}", shown(descriptor.digest)), {},
                 Blame::peer);
  }
  return descriptor;
}

Result<const json::array*> array_in(const json::object& object, std::string_view name, std::size_t limit) {
  const auto* const value = object.if_contains(wire::to_json(name));
  if (value == nullptr || !value->is_array()) return malformed(fmt::format("member `{}` must be an array", name));
  if (value->get_array().size() > limit) {
    return Error(Errc::resource_exhausted, fmt::format("the image's `{}` has more than {} entries", name, limit), {},
                 Blame::peer);
  }
  return &value->get_array();
}

Result<ImageManifest> decode_image(const json::object& object, std::string media_type) {
  ImageManifest manifest;
  manifest.media_type = std::move(media_type);
  const auto* const config = object.if_contains("config");
  if (config == nullptr) return malformed("member `config` is missing");
  WEFT_TRY(manifest.config, decode_descriptor(*config));
  WEFT_TRY(const auto* const layers, array_in(object, "layers", kMaxLayers));
  for (const auto& layer : *layers) {
    WEFT_TRY(auto descriptor, decode_descriptor(layer));
    manifest.layers.push_back(std::move(descriptor));
  }
  std::optional<std::map<std::string, std::string>> annotations;
  wire::MemberReader members(object);
  members.defaulted("annotations", annotations);
  if (!members.fault().empty()) return malformed(members.fault());
  manifest.annotations = std::move(annotations).value_or(std::map<std::string, std::string>{});
  return manifest;
}

Result<ImageIndex> decode_index(const json::object& object) {
  ImageIndex index;
  WEFT_TRY(const auto* const entries, array_in(object, "manifests", kMaxIndexEntries));
  for (const auto& value : *entries) {
    IndexEntry entry;
    WEFT_TRY(entry.manifest, decode_descriptor(value));
    const auto* const platform = value.get_object().if_contains("platform");
    if (platform != nullptr && platform->is_object()) {
      wire::MemberReader members(platform->get_object());
      members.defaulted("architecture", entry.architecture).defaulted("os", entry.os);
      if (!members.fault().empty()) return malformed(members.fault());
    }
    index.entries.push_back(std::move(entry));
  }
  return index;
}

json::object encode_descriptor(const Descriptor& descriptor) {
  return {{"digest", descriptor.digest}, {"mediaType", descriptor.media_type}, {"size", descriptor.size}};
}

bool is_component_type(std::string_view type) { return type == kWasmLayerType || type == kOldWasmLayerType; }

}  // namespace

bool is_sha256_digest(std::string_view text) noexcept {
  if (!text.starts_with(kDigestPrefix)) return false;
  text.remove_prefix(kDigestPrefix.size());
  const auto is_digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  return text.size() == 64 && std::ranges::all_of(text, is_digit);
}

std::string digest_text(std::string_view bytes) {
  return std::string(kDigestPrefix) + wire::lower_hex(wire::sha256(bytes));
}

Result<std::variant<ImageManifest, ImageIndex>> decode_manifest(std::string_view text, std::string_view content_type) {
  using Decoded = std::variant<ImageManifest, ImageIndex>;
  if (text.size() > kMaxManifestBytes) return malformed("is too long");
  WEFT_TRY(const auto object, wire::parse_json_object(text, kWhat));
  std::int64_t version = 0;
  std::optional<std::string> named;
  wire::MemberReader members(object);
  members.required("schemaVersion", version).defaulted("mediaType", named);
  if (!members.fault().empty()) return malformed(members.fault());
  if (version != 2) {
    return Error(Errc::unsupported, fmt::format("image manifests of version {} are not understood", version), {},
                 Blame::peer);
  }
  auto type = named.value_or(std::string(content_type.substr(0, content_type.find(';'))));
  // Without either, by what it has inside, as the specification allows it.
  if (type.empty() || type == "application/json") {
    type = object.contains("manifests") ? kImageIndexType : kImageManifestType;
  }
  if (type == kImageIndexType || type == kDockerIndexType) {
    WEFT_TRY(auto index, decode_index(object));
    return Decoded(std::move(index));
  }
  if (type == kImageManifestType || type == kDockerManifestType) {
    WEFT_TRY(auto manifest, decode_image(object, std::move(type)));
    return Decoded(std::move(manifest));
  }
  return Error(Errc::unsupported, fmt::format("an image manifest of the type {} is not understood", shown(type)), {},
               Blame::peer);
}

std::string encode_manifest(const ImageManifest& manifest) {
  json::object object;
  if (!manifest.annotations.empty()) object["annotations"] = wire::to_json(manifest.annotations);
  object["config"] = encode_descriptor(manifest.config);
  json::array layers;
  for (const auto& layer : manifest.layers) layers.emplace_back(encode_descriptor(layer));
  object["layers"] = std::move(layers);
  object["mediaType"] = manifest.media_type;
  object["schemaVersion"] = 2;
  return wire::json_text(object);
}

Result<Descriptor> choose_manifest(const ImageIndex& index) {
  const auto& entries = index.entries;
  auto found = std::ranges::find(entries, "wasm", &IndexEntry::architecture);
  if (found == entries.end()) {
    found = std::ranges::find_if(
        entries, [](const IndexEntry& entry) { return entry.architecture == kMachine && entry.os == "linux"; });
  }
  if (found == entries.end() && entries.size() == 1 && entries.front().architecture.empty()) found = entries.begin();
  if (found == entries.end()) {
    return Error(Errc::not_found, fmt::format("the image has nothing for WebAssembly or for linux on {}", kMachine), {},
                 Blame::peer);
  }
  return found->manifest;
}

Result<ArtifactKind> kind_of(const ImageManifest& manifest, ArtifactKind wanted) {
  if (manifest.layers.empty()) return malformed("has no layers");
  const auto all_are = [&manifest](auto is_type) {
    return std::ranges::all_of(manifest.layers, [is_type](const Descriptor& layer) {
      return is_type(layer.media_type) || layer.media_type == kTarLayerType;
    });
  };
  const bool is_component = all_are(is_component_type);
  const bool is_provider = all_are([](std::string_view type) { return type == kProviderLayerType; });
  if (!is_component && !is_provider) {
    return Error(Errc::unsupported,
                 fmt::format("the image is neither a component nor a provider: it has a layer of the type {}",
                             shown(manifest.layers.front().media_type)),
                 {}, Blame::peer);
  }
  // Layers that are only labelled as tar may be either; the config tells, and if not, whoever asks.
  const bool is_either = is_component && is_provider;
  const bool says_provider = manifest.config.media_type == kProviderConfigType;
  const auto kind =
      is_either ? (says_provider || wanted == ArtifactKind::provider ? ArtifactKind::provider : ArtifactKind::component)
                : (is_component ? ArtifactKind::component : ArtifactKind::provider);
  if (wanted != ArtifactKind::any && wanted != kind && !is_either) {
    return Error(Errc::unsupported,
                 kind == ArtifactKind::component ? "the image is a component and not a provider"
                                                 : "the image is a provider and not a component",
                 {}, Blame::operator_);
  }
  if (manifest.media_type == kImageManifestType && manifest.layers.size() > 1) {
    return malformed("has several layers, where a component and a provider have one");
  }
  return wanted == ArtifactKind::any ? kind : wanted;
}

}  // namespace weft::registry
