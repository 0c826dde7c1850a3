// SPDX-License-Identifier: Apache-2.0
#include "wire/image_ref.hpp"

#include <gtest/gtest.h>

namespace weft::wire {
namespace {

const std::string kDigest = "sha256:" + std::string(64, 'a');

ImageRef parsed(std::string_view text) {
  const auto ref = parse_image_ref(text);
  EXPECT_TRUE(ref) << text << ": " << ref.error().to_string();
  return ref ? *ref : ImageRef{};
}

std::string full(std::string_view text) {
  const auto ref = parse_oci_ref(text);
  return ref ? ref->text() : ref.error().message();
}

TEST(ImageRefTest, tells_files_images_and_built_ins_apart) {
  EXPECT_EQ(parsed("file:///abs/path"), (ImageRef{ImageKind::file, "file:///abs/path", "/abs/path"}));
  EXPECT_EQ(parsed("oci://reg.io/repo:tag"), (ImageRef{ImageKind::oci, "oci://reg.io/repo:tag", "reg.io/repo:tag"}));
  EXPECT_EQ(parsed("http://reg.io/repo:tag").stripped, "reg.io/repo:tag");
  EXPECT_EQ(parsed("https://reg.io/repo:tag").kind, ImageKind::oci);
  EXPECT_EQ(parsed("reg:5000/repo:tag").stripped, "reg:5000/repo:tag");
  EXPECT_EQ(parsed("repo@" + kDigest).kind, ImageKind::oci);
  EXPECT_EQ(parsed("wasmcloud+builtin://http-server"),
            (ImageRef{ImageKind::builtin, "wasmcloud+builtin://http-server", "http-server"}));
}

TEST(ImageRefTest, takes_plain_paths_for_files) {
  EXPECT_EQ(parsed("/abs/a b.wasm"), (ImageRef{ImageKind::file, "/abs/a b.wasm", "/abs/a b.wasm"}));
  EXPECT_EQ(parsed("./a%20b.wasm").stripped, "./a%20b.wasm") << "a path is no address and has no escapes";
  EXPECT_EQ(parsed("../x").kind, ImageKind::file);
}

TEST(ImageRefTest, decodes_escapes_of_file_addresses) {
  EXPECT_EQ(parsed("file:///a%20b/%41%zz%4").stripped, "/a b/A%zz%4");
  EXPECT_FALSE(parse_image_ref("file:///a%00b"));
}

TEST(ImageRefTest, leaves_out_what_the_command_line_leaves_out_of_its_expectation) {
  EXPECT_EQ(without_file_scheme("file:///a/b"), "/a/b");
  EXPECT_EQ(without_file_scheme("oci://a/b"), "oci://a/b");
  EXPECT_EQ(without_file_scheme("a/b"), "a/b");
}

TEST(ImageRefTest, refuses_what_names_nothing) {
  for (const auto* const text :
       {"", "file://", "file://relative/path", "oci://", "wasmcloud+builtin://", "https://", "wasmcloud+builtin://a/b",
        "a b", "a//b", "a/", "reg.io/", ".hidden", "-a", "a:", "a@"}) {
    const auto ref = parse_image_ref(text);
    ASSERT_FALSE(ref) << text;
    EXPECT_EQ(ref.error().code(), Errc::invalid_argument);
  }
  EXPECT_EQ(parse_image_ref("ftp://a/b").error().code(), Errc::unsupported);
  EXPECT_FALSE(parse_image_ref("/" + std::string(kMaxImageRefBytes, 'a')));
  EXPECT_TRUE(parse_image_ref("/" + std::string(kMaxImageRefBytes - 1, 'a')));
}

TEST(ImageRefTest, completes_images) {
  EXPECT_EQ(full("alpine"), "docker.io/library/alpine:latest");
  EXPECT_EQ(full("shop/cart:1"), "docker.io/shop/cart:1");
  EXPECT_EQ(full("docker.io/alpine"), "docker.io/library/alpine:latest");
  EXPECT_EQ(full("index.docker.io/a/b"), "docker.io/a/b:latest");
  EXPECT_EQ(full("localhost/cart"), "localhost/cart:latest");
  EXPECT_EQ(full("reg:5000/cart"), "reg:5000/cart:latest");
  EXPECT_EQ(full("registry.example.net/shop/cart:1.4.0"), "registry.example.net/shop/cart:1.4.0");
  EXPECT_EQ(full("ghcr.io/a/b@" + kDigest), "ghcr.io/a/b@" + kDigest);
  EXPECT_EQ(full("ghcr.io/a/b:1@" + kDigest), "ghcr.io/a/b:1@" + kDigest);
  EXPECT_EQ(full("[::1]:5000/a"), "[::1]:5000/a:latest");
  EXPECT_EQ(parse_oci_ref("alpine")->api_host(), "index.docker.io");
  EXPECT_EQ(parse_oci_ref("ghcr.io/a/b")->api_host(), "ghcr.io");
}

TEST(ImageRefTest, lowers_registry_and_repository_alone) {
  EXPECT_EQ(full("GHCR.io/Shop/Cart:V1"), "ghcr.io/shop/cart:V1");
}

TEST(ImageRefTest, prefers_the_digest) {
  const auto both = *parse_oci_ref("a/b:latest@" + kDigest);
  EXPECT_EQ(both.reference(), kDigest);
  EXPECT_FALSE(both.is_latest());
  EXPECT_EQ(parse_oci_ref("a/b:1")->reference(), "1");
  EXPECT_TRUE(parse_oci_ref("a/b")->is_latest());
  EXPECT_TRUE(parse_oci_ref("a/b:latest")->is_latest());
}

TEST(ImageRefTest, keeps_to_the_grammar_of_registries) {
  for (const auto* const text :
       {"a..b", "a___b", "a._b", "a_/b", "reg.io:99999999/a", "reg.io:/a", "reg.io:x/a", "a:.1", "a@sha256:00",
        "a@md5:00", "-x.io/a", "x..io/a", "[]:1/a", "[::1/a", "a:b:c", "a/b:c/d"}) {
    EXPECT_FALSE(parse_oci_ref(text)) << text;
  }
  EXPECT_FALSE(parse_oci_ref("a@sha256:" + std::string(64, 'A')));
  for (const auto* const text : {"a.b", "a__b", "a--b", "a-b_c.d", "0", "a:_1.2-3"}) {
    EXPECT_TRUE(parse_oci_ref(text)) << text;
  }
  EXPECT_TRUE(parse_oci_ref("a:" + std::string(128, '1')));
  EXPECT_FALSE(parse_oci_ref("a:" + std::string(129, '1')));
  EXPECT_TRUE(parse_oci_ref("r.io/" + std::string(251, 'a')));
  EXPECT_FALSE(parse_oci_ref("r.io/" + std::string(252, 'a')));
}

}  // namespace
}  // namespace weft::wire
