// SPDX-License-Identifier: Apache-2.0
#include "registry/artifact_store.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/temporary_folder.hpp"
#include "registry/oci_fixture.hpp"
#include "registry/par_fixture.hpp"

namespace weft::registry {
namespace {

using namespace testing_support;
using ::testing::HasSubstr;
using weft::testing_support::TemporaryFolder;

class ArtifactStoreTest : public ::testing::Test {
 protected:
  ArtifactStoreConfig config(const FakeRegistry& registry) {
    ArtifactStoreConfig config;
    config.folder = folder_.file("cache");
    config.access.insecure = {registry.host()};
    config.access.patience = quick_settings().patience;
    return config;
  }
  static std::unique_ptr<ArtifactStore> open(ArtifactStoreConfig config) {
    auto store = ArtifactStore::open(std::move(config));
    EXPECT_TRUE(store) << store.error().to_string();
    return *std::move(store);
  }
  FakeRegistry::Script serving(const TestImage& image) {
    return [this, &image](const FakeRequest& request) {
      return is_down_ ? FakeReply{.status = 503} : serve_image(image, request);
    };
  }
  static std::size_t blobs_asked_for(const FakeRegistry& registry) {
    const auto requests = registry.requests();
    return static_cast<std::size_t>(
        std::ranges::count_if(requests, [](const FakeRequest& r) { return r.target.contains("/blobs/"); }));
  }

  TemporaryFolder folder_;
  std::atomic<bool> is_down_ = false;
};

TEST_F(ArtifactStoreTest, fetches_an_image_once) {
  const auto image = image_of("hello");
  const FakeRegistry registry(serving(image));
  const auto store = open(config(registry));
  const auto first = store->fetch(registry.host() + "/shop/cart:1", ArtifactKind::component);
  ASSERT_TRUE(first) << first.error().to_string();
  EXPECT_EQ(read_file(first->path, 100).operator*(), "hello");
  EXPECT_EQ(first->digest, image.layer_digest());
  EXPECT_EQ(first->image_digest, image.digest());
  const auto again = store->fetch("oci://" + registry.host() + "/shop/cart:1", ArtifactKind::component);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->path, first->path);
  EXPECT_EQ(blobs_asked_for(registry), 1U);
}

TEST_F(ArtifactStoreTest, needs_no_registry_for_a_digest_it_has) {
  const auto image = image_of("hello");
  const FakeRegistry registry(serving(image));
  const auto pinned = registry.host() + "/shop/cart@" + image.digest();
  ASSERT_TRUE(open(config(registry))->fetch(pinned, ArtifactKind::component));
  is_down_ = true;
  const auto store = open(config(registry));
  EXPECT_TRUE(store->fetch(pinned, ArtifactKind::component));
  EXPECT_EQ(store->fetch(registry.host() + "/shop/cart:1", ArtifactKind::component).error().code(), Errc::unavailable);
  EXPECT_EQ(
      store->fetch(registry.host() + "/shop/cart@" + digest_text("other"), ArtifactKind::component).error().code(),
      Errc::unavailable);
}

TEST_F(ArtifactStoreTest, many_who_want_the_same_fetch_it_once) {
  const auto image = image_of(std::string(1'000'000, 'x'));
  const FakeRegistry registry(serving(image));
  std::vector<std::unique_ptr<ArtifactStore>> hosts;
  for (int i = 0; i < 3; ++i) hosts.push_back(open(config(registry)));
  std::atomic<int> fetched = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 9; ++i) {
      threads.emplace_back([&, i] {
        const auto artifact =
            hosts[static_cast<std::size_t>(i) % 3]->fetch(registry.host() + "/shop/cart:1", ArtifactKind::component);
        if (artifact && read_file(artifact->path, 2'000'000).operator*() == image.layer) ++fetched;
      });
    }
  }
  EXPECT_EQ(fetched, 9);
  EXPECT_EQ(blobs_asked_for(registry), 1U);
}

TEST_F(ArtifactStoreTest, fetches_again_what_was_damaged) {
  const auto image = image_of("hello");
  const FakeRegistry registry(serving(image));
  const auto store = open(config(registry));
  const auto reference = registry.host() + "/shop/cart@" + image.digest();
  std::string path;
  {
    const auto artifact = store->fetch(reference, ArtifactKind::component);
    ASSERT_TRUE(artifact);
    path = artifact->path;
  }
  std::filesystem::permissions(path, std::filesystem::perms::owner_all);
  std::ofstream(path) << "jello";
  EXPECT_EQ(read_file(store->fetch(reference, ArtifactKind::component)->path, 100).operator*(), "hello");
  EXPECT_EQ(blobs_asked_for(registry), 2U);
}

TEST_F(ArtifactStoreTest, refuses_latest_files_and_other_kinds_unless_allowed) {
  const auto image = image_of("hello");
  const FakeRegistry registry(serving(image));
  write_bytes(folder_.file("x.wasm"), "hello");
  auto settings = config(registry);
  const auto strict = open(settings);
  EXPECT_EQ(strict->fetch(registry.host() + "/shop/cart", ArtifactKind::component).error().code(),
            Errc::permission_denied);
  EXPECT_EQ(strict->fetch(registry.host() + "/shop/cart:latest", ArtifactKind::component).error().code(),
            Errc::permission_denied);
  EXPECT_EQ(strict->fetch("file://" + folder_.file("x.wasm"), ArtifactKind::component).error().code(),
            Errc::permission_denied);
  EXPECT_TRUE(registry.requests().empty());
  EXPECT_EQ(strict->fetch(registry.host() + "/shop/cart:1", ArtifactKind::provider).error().code(), Errc::unsupported);
  EXPECT_EQ(strict->fetch("wasmcloud+builtin://http-client", ArtifactKind::provider).error().code(),
            Errc::invalid_argument);

  settings.allow_file_load = true;
  settings.allow_latest = true;
  const auto lax = open(settings);
  EXPECT_EQ(lax->fetch(registry.host() + "/shop/cart", ArtifactKind::component).error().code(), Errc::not_found);
  const auto file = lax->fetch("file://" + folder_.file("x.wasm"), ArtifactKind::component);
  ASSERT_TRUE(file);
  EXPECT_EQ(file->path, folder_.file("x.wasm"));
  EXPECT_EQ(lax->fetch("file://" + folder_.file("none"), ArtifactKind::component).error().code(), Errc::not_found);
}

TEST_F(ArtifactStoreTest, stops_at_its_size_and_keeps_nothing_of_a_failure) {
  const auto image = image_of("hello");
  std::string layer = "jello";
  const FakeRegistry registry([&](const FakeRequest& request) {
    auto reply = serve_image(image, request);
    if (request.target.contains("/blobs/")) reply.body = layer;
    return reply;
  });
  auto settings = config(registry);
  const auto reference = registry.host() + "/shop/cart:1";
  EXPECT_EQ(open(settings)->fetch(reference, ArtifactKind::component).error().code(), Errc::permission_denied);
  settings.max_artifact_bytes = 4;
  EXPECT_EQ(open(settings)->fetch(reference, ArtifactKind::component).error().code(), Errc::resource_exhausted);
  EXPECT_TRUE(std::filesystem::is_empty(folder_.file("cache/content")));
  settings.max_artifact_bytes = 5;
  layer = "hello";
  EXPECT_TRUE(open(settings)->fetch(reference, ArtifactKind::component));
}

TEST_F(ArtifactStoreTest, learns_credentials_while_it_runs) {
  const auto image = image_of("hello");
  const FakeRegistry registry([&](const FakeRequest& request) -> FakeReply {
    if (request.header("authorization") == basic_authorization({"puller", "s3cr3t"}))
      return serve_image(image, request);
    return {.status = 401, .headers = {{"WWW-Authenticate", "Basic realm=x"}}};
  });
  const auto store = open(config(registry));
  const auto reference = registry.host() + "/shop/cart:1";
  EXPECT_EQ(store->fetch(reference, ArtifactKind::component).error().code(), Errc::permission_denied);
  store->put_credentials({{registry.host(), {.username = "puller", .password = "s3cr3t", .token = {}}}});
  EXPECT_TRUE(store->fetch(reference, ArtifactKind::component));
}

TEST_F(ArtifactStoreTest, returns_when_it_is_stopped) {
  std::unique_ptr<ArtifactStore> store;
  const FakeRegistry registry([&store](const FakeRequest&) {
    store->stop();
    return FakeReply{.body = "x", .cut_after = 0, .stalls = true};
  });
  store = open(config(registry));
  EXPECT_EQ(store->fetch(registry.host() + "/shop/cart:1", ArtifactKind::component).error().code(), Errc::cancelled);
}

TEST_F(ArtifactStoreTest, refuses_a_policy_that_names_nobody) {
  const FakeRegistry registry([](const FakeRequest&) { return FakeReply{}; });
  auto settings = config(registry);
  settings.policy.allowed_issuers = {"nobody"};
  EXPECT_EQ(ArtifactStore::open(settings).error().code(), Errc::invalid_argument);
}

TEST_F(ArtifactStoreTest, needs_certificates_where_it_is_told_of_some) {
  const FakeRegistry registry([](const FakeRequest&) { return FakeReply{}; });
  auto settings = config(registry);
  settings.access.ca_files = {folder_.file("none.pem")};
  EXPECT_EQ(ArtifactStore::open(settings).error().code(), Errc::not_found);
  write_bytes(folder_.file("none.pem"), "nothing");
  EXPECT_EQ(ArtifactStore::open(settings).error().code(), Errc::malformed);
}

TEST(ClaimsPolicyTest, judges_components) {
  const std::optional<wire::ComponentClaims> unsigned_component;
  wire::ComponentClaims claims;
  claims.issuer = "A1";
  const std::optional signed_component(claims);
  EXPECT_TRUE(ClaimsPolicy{}.check(unsigned_component, "x"));
  EXPECT_FALSE((ClaimsPolicy{.require_signed = true, .allowed_issuers = {}}.check(unsigned_component, "x")));
  EXPECT_TRUE((ClaimsPolicy{.require_signed = true, .allowed_issuers = {}}.check(signed_component, "x")));
  EXPECT_FALSE((ClaimsPolicy{.require_signed = false, .allowed_issuers = {"A1"}}.check(unsigned_component, "x")));
  EXPECT_TRUE((ClaimsPolicy{.require_signed = false, .allowed_issuers = {"A1"}}.check(signed_component, "x")));
  EXPECT_FALSE((ClaimsPolicy{.require_signed = false, .allowed_issuers = {"A2"}}.check(signed_component, "x")));
}

}  // namespace
}  // namespace weft::registry
