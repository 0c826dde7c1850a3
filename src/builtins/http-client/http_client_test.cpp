// SPDX-License-Identifier: Apache-2.0
#include "builtins/http-client/http_client.hpp"

#include <gtest/gtest.h>

#include "dispatch/target.hpp"

namespace weft::builtins {
namespace {

using namespace std::chrono_literals;

TEST(HttpClientTest, trusts_the_system_unless_told_otherwise) {
  const auto trusts = [](const ConfigMap& config) { return parse_http_client_config(config)->trust.system_roots; };
  EXPECT_TRUE(trusts({}));
  EXPECT_TRUE(trusts({{"load_native_certs", "false"}}));
  EXPECT_TRUE(trusts({{"load_webpki_certs", "false"}}));
  EXPECT_FALSE(trusts({{"load_native_certs", "false"}, {"load_webpki_certs", "false"}}));
  EXPECT_TRUE(trusts({{"load_native_certs", "true"}, {"of_somebody_else", "yes"}}));
}

TEST(HttpClientTest, refuses_values_it_does_not_know) {
  for (const auto* key : {"load_native_certs", "load_webpki_certs"}) {
    for (const auto* value : {"", "yes", "1", "TRUE", " true"}) {
      const auto config = parse_http_client_config({{key, value}});
      ASSERT_FALSE(config) << key << "=" << value;
      EXPECT_EQ(config.error().code(), Errc::invalid_argument);
      EXPECT_NE(config.error().message().find(key), std::string::npos) << config.error().message();
    }
  }
}

class HttpClientProviderTest : public ::testing::Test {
 protected:
  Result<std::unique_ptr<Provider>> make(ConfigMap config) {
    ProviderContext context;
    context.id = "http-client-1";
    context.config = std::move(config);
    context.shards = &shards_;
    return make_http_client(std::move(context));
  }

  async::ShardPool shards_{2};
};

TEST_F(HttpClientProviderTest, answers_http_under_its_id) {
  auto provider = make({});
  ASSERT_TRUE(provider) << provider.error().to_string();
  const auto target = (*provider)->target();
  EXPECT_EQ(target->id(), "http-client-1");
  EXPECT_NE(target->http(), nullptr);
  EXPECT_TRUE((*provider)->put_link({}));
  EXPECT_TRUE((*provider)->update_config({}));
  EXPECT_FALSE((*provider)->update_config({{"load_native_certs", "perhaps"}}));
  (*provider)->stop(1s);
  (*provider)->stop(1s);
}

TEST_F(HttpClientProviderTest, has_no_other_functions) {
  struct Told final : dispatch::CallHandler {
    void on_results(std::span<const std::byte> /*results*/) override { ADD_FAILURE(); }
    void on_error(Error error) override { code = error.code(); }
    std::optional<Errc> code;
  } told;
  auto provider = make({});
  ASSERT_TRUE(provider);
  const dispatch::Invocation invocation{.interface = "acme:shop/cart", .function = "get", .params = {}, .context = {}};
  EXPECT_EQ((*provider)->target()->invoke(shards_.at(0), invocation, told), nullptr);
  EXPECT_EQ(told.code, Errc::not_found);
}

TEST_F(HttpClientProviderTest, does_not_start_without_its_certificates) {
  const auto missing = make({{"ssl_certs_file", "/nowhere/roots.pem"}});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code(), Errc::not_found);
  const auto none = make({{"ssl_certs_file", "/dev/null"}});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code(), Errc::malformed);
}

}  // namespace
}  // namespace weft::builtins
