// SPDX-License-Identifier: Apache-2.0
#include "registry/oci_client.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "registry/oci_fixture.hpp"
#include "registry/oci_image.hpp"

namespace weft::registry {
namespace {

using namespace testing_support;
using ::testing::HasSubstr;
using ::testing::Not;

OciClient client_of(const FakeRegistry& registry, Credentials credentials = Anonymous{}) {
  auto settings = quick_settings();
  settings.credentials = std::move(credentials);
  return *OciClient::create(registry.host(), "shop/cart", std::move(settings));
}

Result<std::string> fetched_blob(OciClient& client, const Descriptor& blob) {
  std::string bytes;
  const BlobSink sink{.restart = [&]() -> Result<void> {
                        bytes.clear();
                        return {};
                      },
                      .take = [&](std::string_view piece) -> Result<void> {
                        bytes += piece;
                        return {};
                      }};
  WEFT_CHECK(client.fetch_blob(blob, sink));
  return bytes;
}

TEST(OciClientTest, fetches_manifests_and_blobs) {
  const auto image = image_of("hello");
  const FakeRegistry registry([&](const FakeRequest& request) { return serve_image(image, request); });
  auto client = client_of(registry);
  const auto manifest = client.fetch_manifest("1");
  ASSERT_TRUE(manifest) << manifest.error().to_string();
  EXPECT_EQ(manifest->text, image.manifest);
  EXPECT_EQ(manifest->digest, image.digest());
  EXPECT_THAT(registry.requests()[0].header("accept"), HasSubstr("application/vnd."));
  EXPECT_EQ(fetched_blob(client, image.blob()).operator*(), "hello");
}

TEST(OciClientTest, says_what_the_registry_says) {
  const FakeRegistry registry([](const FakeRequest&) { return not_found(); });
  auto client = client_of(registry);
  const auto missing = client.fetch_manifest("1");
  EXPECT_EQ(missing.error().code(), Errc::not_found);
  EXPECT_THAT(missing.error().message(), HasSubstr("NAME_UNKNOWN: never heard of it"));
  EXPECT_EQ(registry.requests().size(), 1U);
}

TEST(OciClientTest, refuses_manifests_with_another_digest) {
  const auto image = image_of("hello");
  const FakeRegistry registry([&](const FakeRequest& request) -> FakeReply {
    if (request.target.ends_with("lying")) {
      return {.headers = {{"Docker-Content-Digest", digest_text("other")}}, .body = image.manifest};
    }
    return {.body = image.manifest + " "};
  });
  auto client = client_of(registry);
  EXPECT_EQ(client.fetch_manifest(image.digest()).error().code(), Errc::permission_denied);
  EXPECT_EQ(client.fetch_manifest("lying").error().code(), Errc::permission_denied);
}

TEST(OciClientTest, refuses_blobs_that_are_not_what_was_announced) {
  const auto image = image_of("hello");
  std::string body;
  bool announces = true;
  bool endless = false;
  const FakeRegistry registry(
      [&](const FakeRequest&) { return FakeReply{.body = body, .endless = endless, .announces_length = announces}; });
  auto client = client_of(registry);
  body = "jello";
  EXPECT_EQ(fetched_blob(client, image.blob()).error().code(), Errc::permission_denied);
  body = "hello, world";
  EXPECT_EQ(fetched_blob(client, image.blob()).error().code(), Errc::malformed);
  announces = false;
  EXPECT_EQ(fetched_blob(client, image.blob()).error().code(), Errc::malformed);
  endless = true;
  EXPECT_EQ(fetched_blob(client, image.blob()).error().code(), Errc::malformed);
}

TEST(OciClientTest, goes_on_where_a_download_broke_off) {
  const auto image = image_of(std::string(100'000, 'a') + std::string(100'000, 'b'));
  const FakeRegistry registry([&](const FakeRequest& request) -> FakeReply {
    const auto range = request.header("range");
    if (range.empty()) return {.body = image.layer, .cut_after = 70'000};
    const auto begin = std::stoul(range.substr(std::string("bytes=").size()));
    FakeReply reply{.status = 206, .body = image.layer.substr(begin)};
    reply.headers["Content-Range"] = "bytes " + std::to_string(begin) + "-199999/200000";
    if (begin < 140'000) reply.cut_after = 70'000;
    return reply;
  });
  auto client = client_of(registry);
  const auto bytes = fetched_blob(client, image.blob());
  ASSERT_TRUE(bytes) << bytes.error().to_string();
  EXPECT_EQ(*bytes, image.layer);
  EXPECT_EQ(registry.requests().at(1).header("range"), "bytes=70000-");
  EXPECT_EQ(registry.requests().size(), 3U);
}

TEST(OciClientTest, begins_again_where_ranges_are_not_known) {
  const auto image = image_of(std::string(100'000, 'a'));
  std::atomic<int> count = 0;
  const FakeRegistry registry([&](const FakeRequest&) -> FakeReply {
    if (count++ == 0) return {.body = image.layer, .cut_after = 50'000};
    return {.body = image.layer};
  });
  auto client = client_of(registry);
  EXPECT_EQ(fetched_blob(client, image.blob()).operator*(), image.layer);
}

TEST(OciClientTest, mends_a_download_whose_halves_do_not_fit) {
  const auto image = image_of(std::string(100'000, 'a'));
  const FakeRegistry registry([&](const FakeRequest& request) -> FakeReply {
    if (request.header("range").empty()) {
      static std::atomic<int> whole = 0;
      if (whole++ == 0) return {.body = std::string(100'000, 'x'), .cut_after = 50'000};
      return {.body = image.layer};
    }
    return {
        .status = 206, .headers = {{"Content-Range", "bytes 50000-99999/100000"}}, .body = image.layer.substr(50'000)};
  });
  auto client = client_of(registry);
  EXPECT_EQ(fetched_blob(client, image.blob()).operator*(), image.layer);
}

TEST(OciClientTest, tries_again_what_fails_for_a_moment_and_not_for_ever) {
  const auto image = image_of("hello");
  for (const int status : {429, 500, 502, 503, 504}) {
    std::atomic<int> count = 0;
    const FakeRegistry registry([&](const FakeRequest& request) -> FakeReply {
      if (count++ % 3 != 2) return {.status = status, .headers = {{"Retry-After", "0"}}};
      return serve_image(image, request);
    });
    auto client = client_of(registry);
    EXPECT_TRUE(client.fetch_manifest("1")) << status;
    EXPECT_TRUE(fetched_blob(client, image.blob())) << status;
    EXPECT_EQ(registry.requests().size(), 6U) << status;
  }
  const FakeRegistry dead([](const FakeRequest&) { return FakeReply{.status = 503}; });
  auto client = client_of(dead);
  EXPECT_EQ(client.fetch_manifest("1").error().code(), Errc::unavailable);
  EXPECT_EQ(dead.requests().size(), 3U);
  EXPECT_EQ(fetched_blob(client, image.blob()).error().code(), Errc::unavailable);
}

TEST(OciClientTest, gives_up_on_who_always_breaks_off) {
  const auto image = image_of(std::string(100'000, 'a'));
  const FakeRegistry registry([&](const FakeRequest&) { return FakeReply{.body = image.layer, .cut_after = 0}; });
  auto client = client_of(registry);
  EXPECT_EQ(fetched_blob(client, image.blob()).error().code(), Errc::unavailable);
  EXPECT_EQ(registry.requests().size(), 3U);
}

/// A registry that wants a token, which its other half gives for user "u" with password "p", or to anybody.
class TokenRegistry {
 public:
  explicit TokenRegistry(bool anybody)
      : tokens_([anybody](const FakeRequest& request) -> FakeReply {
          const bool is_known = request.header("authorization") == basic_authorization({"u", "p"}) ||
                                request.body.contains("refresh_token=identity");
          if (!anybody && !is_known) return {.status = 401};
          return {.body = R"({"token":"secret-token"})"};
        }),
        registry_([this](const FakeRequest& request) -> FakeReply {
          if (request.header("authorization") == "Bearer secret-token") return serve_image(image, request);
          return {.status = 401,
                  .headers = {{"WWW-Authenticate", "Bearer realm=\"" + tokens_.url("/token") +
                                                       "\",service=\"registry\",scope=\"repository:shop/cart:pull\""}}};
        }) {}

  TestImage image = image_of("hello");
  [[nodiscard]] const FakeRegistry& registry() const { return registry_; }
  [[nodiscard]] const FakeRegistry& tokens() const { return tokens_; }

 private:
  FakeRegistry tokens_;
  FakeRegistry registry_;
};

TEST(OciClientTest, gets_a_token_when_it_is_asked_for_one) {
  const TokenRegistry open(true);
  auto client = client_of(open.registry());
  ASSERT_TRUE(client.fetch_manifest("1"));
  ASSERT_TRUE(fetched_blob(client, open.image.blob()));
  ASSERT_EQ(open.tokens().requests().size(), 1U);
  EXPECT_EQ(open.tokens().requests()[0].target, "/token?scope=repository%3Ashop%2Fcart%3Apull&service=registry");
  EXPECT_EQ(open.tokens().requests()[0].header("authorization"), "");
}

TEST(OciClientTest, uses_every_kind_of_credentials) {
  const TokenRegistry closed(false);
  auto anonymous = client_of(closed.registry());
  EXPECT_EQ(anonymous.fetch_manifest("1").error().code(), Errc::permission_denied);
  auto basic = client_of(closed.registry(), BasicCredentials{"u", "p"});
  EXPECT_TRUE(basic.fetch_manifest("1"));
  auto identity = client_of(closed.registry(), IdentityToken{"identity"});
  EXPECT_TRUE(identity.fetch_manifest("1"));
  auto token = client_of(closed.registry(), BearerToken{"secret-token"});
  EXPECT_TRUE(token.fetch_manifest("1"));
  auto wrong = client_of(closed.registry(), BasicCredentials{"u", "hidden"});
  const auto refused = wrong.fetch_manifest("1");
  EXPECT_EQ(refused.error().code(), Errc::permission_denied);
  EXPECT_THAT(refused.error().to_string(), Not(HasSubstr("hidden")));
}

TEST(OciClientTest, answers_a_basic_challenge) {
  const auto image = image_of("hello");
  const FakeRegistry registry([&](const FakeRequest& request) -> FakeReply {
    if (request.header("authorization") == basic_authorization({"u", "p"})) return serve_image(image, request);
    return {.status = 401, .headers = {{"WWW-Authenticate", R"(Basic realm="here")"}}};
  });
  auto client = client_of(registry, BasicCredentials{"u", "p"});
  EXPECT_TRUE(client.fetch_manifest("1"));
  EXPECT_TRUE(fetched_blob(client, image.blob()));
  // Nothing is told to a registry that has not asked.
  EXPECT_EQ(registry.requests().at(0).header("authorization"), "");
  auto anonymous = client_of(registry);
  EXPECT_EQ(anonymous.fetch_manifest("1").error().code(), Errc::permission_denied);
  auto wrong = client_of(registry, BasicCredentials{"u", "x"});
  EXPECT_EQ(wrong.fetch_manifest("1").error().code(), Errc::permission_denied);
}

TEST(OciClientTest, pushes_what_it_can_pull) {
  std::map<std::string, std::string> blobs;
  std::string manifest;
  std::atomic<int> failures = 2;
  const FakeRegistry registry([&](const FakeRequest& request) -> FakeReply {
    if (request.method == "HEAD") return {.status = blobs.contains(request.target.substr(20)) ? 200 : 404};
    if (request.method == "POST") return {.status = 202, .headers = {{"Location", "/upload/1?state=x"}}};
    if (request.target.starts_with("/upload/")) {
      if (failures-- > 0) return {.status = 502};
      blobs[digest_text(request.body)] = request.body;
      EXPECT_EQ(request.target, "/upload/1?state=x&digest=" + percent_encoded(digest_text(request.body)));
      return {.status = 201};
    }
    EXPECT_EQ(request.target, "/v2/shop/cart/manifests/1");
    EXPECT_EQ(request.header("content-type"), kImageManifestType);
    manifest = request.body;
    return {.status = 201};
  });
  auto client = client_of(registry);
  NewImage image;
  const std::string layer(100'000, 'l');
  image.layer = body_of(layer);
  image.layer_size = layer.size();
  image.layer_digest = digest_text(layer);
  image.created = "2026-01-01T00:00:00Z";
  image.exports = {"wasi:http/incoming-handler@0.2.0"};
  const auto pushed = push_image(client, "1", image);
  ASSERT_TRUE(pushed) << pushed.error().to_string();
  EXPECT_EQ(*pushed, digest_text(manifest));
  EXPECT_EQ(blobs.at(digest_text(layer)), layer);
  const auto decoded = decode_manifest(manifest, "");
  ASSERT_TRUE(decoded);
  const auto& config = std::get<ImageManifest>(*decoded).config;
  EXPECT_EQ(config.media_type, kWasmConfigType);
  EXPECT_THAT(blobs.at(config.digest), HasSubstr(R"("exports":["wasi:http/incoming-handler@0.2.0"])"));
}

TEST(OciClientTest, an_upload_to_another_host_gets_no_credentials) {
  const FakeRegistry storage([](const FakeRequest&) { return FakeReply{.status = 201}; });
  const FakeRegistry registry([&](const FakeRequest& request) -> FakeReply {
    if (request.header("authorization").empty())
      return {.status = 401, .headers = {{"WWW-Authenticate", "Basic realm=x"}}};
    if (request.method == "HEAD") return {.status = 404};
    return {.status = 202, .headers = {{"Location", storage.url("/put")}}};
  });
  auto client = client_of(registry, BasicCredentials{"u", "p"});
  const std::string bytes = "hello";
  EXPECT_TRUE(client.push_blob({"a", digest_text(bytes), bytes.size()}, body_of(bytes)));
  ASSERT_EQ(storage.requests().size(), 1U);
  EXPECT_EQ(storage.requests()[0].header("authorization"), "");
  EXPECT_EQ(storage.requests()[0].body, bytes);
}

}  // namespace
}  // namespace weft::registry
