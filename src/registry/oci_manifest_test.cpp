// SPDX-License-Identifier: Apache-2.0
#include "registry/oci_manifest.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <set>

#include "registry/oci_fixture.hpp"

namespace weft::registry {
namespace {

using namespace testing_support;

const std::string kDigest = digest_text("x");

ImageManifest manifest_with(const std::vector<std::string_view>& types, std::string_view config = kWasmConfigType) {
  ImageManifest manifest;
  manifest.media_type = kDockerManifestType;
  manifest.config = {std::string(config), kDigest, 2};
  for (const auto type : types) manifest.layers.push_back({std::string(type), kDigest, 1});
  return manifest;
}

Errc code_of(std::string_view json) {
  const auto decoded = decode_manifest(json, "");
  EXPECT_FALSE(decoded);
  return decoded ? Errc::internal : decoded.error().code();
}

TEST(OciManifestTest, decodes_what_it_encodes) {
  auto manifest = manifest_with({kWasmLayerType});
  manifest.media_type = kImageManifestType;
  manifest.annotations = {{"org.example.a", "1"}};
  const auto text = encode_manifest(manifest);
  const auto decoded = decode_manifest(text, "text/plain");
  ASSERT_TRUE(decoded) << decoded.error().to_string();
  const auto& image = std::get<ImageManifest>(*decoded);
  EXPECT_EQ(image.layers, manifest.layers);
  EXPECT_EQ(image.annotations, manifest.annotations);
  EXPECT_EQ(encode_manifest(image), text);
  EXPECT_LT(text.find("annotations"), text.find("config"));
}

TEST(OciManifestTest, refuses_what_is_no_manifest) {
  EXPECT_EQ(code_of(R"({"schemaVersion":1})"), Errc::unsupported);
  EXPECT_EQ(code_of(R"({"schemaVersion":2,"mediaType":"application/evil"})"), Errc::unsupported);
  EXPECT_EQ(code_of(R"({"schemaVersion":2,"layers":[]})"), Errc::malformed);
  EXPECT_EQ(code_of(R"({"schemaVersion":2,"config":{"mediaType":"a","digest":"md5:1","size":1},"layers":[]})"),
            Errc::unsupported);
  EXPECT_EQ(code_of(fmt::format(
                R"({{"schemaVersion":2,"config":{{"mediaType":"a","digest":"{}","size":-1}},"layers":[]}})", kDigest)),
            Errc::malformed);
  EXPECT_EQ(code_of("[]"), Errc::malformed);
  auto many = manifest_with(std::vector<std::string_view>(kMaxLayers + 1, kWasmLayerType));
  EXPECT_EQ(code_of(encode_manifest(many)), Errc::resource_exhausted);
}

TEST(OciManifestTest, knows_components_and_providers_in_both_styles) {
  const auto kind = [](const ImageManifest& manifest, ArtifactKind wanted = ArtifactKind::any) {
    const auto found = kind_of(manifest, wanted);
    return found ? std::optional(*found) : std::nullopt;
  };
  EXPECT_EQ(kind(manifest_with({kWasmLayerType})), ArtifactKind::component);
  EXPECT_EQ(kind(manifest_with({kOldWasmLayerType}, kOldWasmConfigType)), ArtifactKind::component);
  EXPECT_EQ(kind(manifest_with({kProviderLayerType}, kProviderConfigType)), ArtifactKind::provider);
  EXPECT_EQ(kind(manifest_with({kTarLayerType}, kProviderConfigType)), ArtifactKind::provider);
  EXPECT_EQ(kind(manifest_with({kTarLayerType}, "a")), ArtifactKind::component);
  EXPECT_EQ(kind(manifest_with({kTarLayerType}, "a"), ArtifactKind::provider), ArtifactKind::provider);
  EXPECT_EQ(kind(manifest_with({kWasmLayerType, kOldWasmLayerType})), ArtifactKind::component);
  EXPECT_EQ(kind(manifest_with({kWasmLayerType}), ArtifactKind::provider), std::nullopt);
  EXPECT_EQ(kind(manifest_with({kProviderLayerType}), ArtifactKind::component), std::nullopt);
  EXPECT_EQ(kind(manifest_with({kWasmLayerType, kProviderLayerType})), std::nullopt);
  EXPECT_EQ(kind(manifest_with({kWasmLayerType, "text/plain"})), std::nullopt);
  EXPECT_EQ(kind(manifest_with({})), std::nullopt);
  auto several = manifest_with({kWasmLayerType, kWasmLayerType});
  several.media_type = kImageManifestType;
  EXPECT_EQ(kind(several), std::nullopt);
}

TEST(OciManifestTest, chooses_the_manifest_for_this_machine) {
  const auto entry = [](std::string_view content, std::string architecture, std::string os) {
    return IndexEntry{
        {std::string(kImageManifestType), digest_text(content), 1}, std::move(architecture), std::move(os)};
  };
  const auto here = [&] {
    ImageIndex index;
    for (const auto* machine : {"amd64", "arm64", "riscv64"}) {
      index.entries.push_back(entry(std::string("windows") + machine, machine, "windows"));
      index.entries.push_back(entry(machine, machine, "linux"));
    }
    return index;
  }();
  const auto found = choose_manifest(here);
  ASSERT_TRUE(found);
  const std::set known{digest_text("amd64"), digest_text("arm64"), digest_text("riscv64")};
  EXPECT_TRUE(known.contains(found->digest));
  auto with_wasm = here;
  with_wasm.entries.push_back(entry("wasm", "wasm", "wasip2"));
  EXPECT_EQ(choose_manifest(with_wasm)->digest, digest_text("wasm"));
  EXPECT_EQ(choose_manifest({{entry("only", "", "")}})->digest, digest_text("only"));
  EXPECT_EQ(choose_manifest({{entry("s390", "s390x", "linux")}}).error().code(), Errc::not_found);
  EXPECT_EQ(choose_manifest({}).error().code(), Errc::not_found);
}

}  // namespace
}  // namespace weft::registry
