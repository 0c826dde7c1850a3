// SPDX-License-Identifier: Apache-2.0
#include "builtins/keyvalue-nats/settings.hpp"

#include <gtest/gtest.h>

namespace weft::builtins::keyvalue_nats {
namespace {

TEST(KeyvalueNatsSettingsTest, has_the_defaults_of_the_reference) {
  const auto settings = Settings::parse({}, {{"bucket", "b"}});
  ASSERT_TRUE(settings);
  EXPECT_EQ(settings->bucket, "b");
  EXPECT_EQ(settings->access.urls, std::vector<std::string>{"nats://0.0.0.0:4222"});
  EXPECT_FALSE(settings->creates_bucket);
  EXPECT_TRUE(settings->watch.is_everything);
  EXPECT_EQ(settings->access.inbox_prefix, "_INBOX");
}

TEST(KeyvalueNatsSettingsTest, a_link_goes_before_the_provider) {
  const ConfigMap provider = {{"bucket", "p"}, {"js_domain", "hub"}, {"tls_ca", "PEM"}, {"cluster_uri", "nats://p:1"}};
  const auto settings = Settings::parse(provider, {{"bucket", "l"},
                                                   {"cluster_uri", "a:1 , tls://b:2"},
                                                   {"enable_bucket_auto_create", "TRUE"},
                                                   {"tls_ca_file", "/ca"}});
  ASSERT_TRUE(settings);
  EXPECT_EQ(settings->bucket, "l");
  EXPECT_EQ(settings->access.jetstream_domain, "hub");
  EXPECT_EQ(settings->access.urls, (std::vector<std::string>{"nats://a:1", "tls://b:2"}));
  EXPECT_TRUE(settings->creates_bucket);
  EXPECT_EQ(settings->access.tls_ca, "") << "the provider's text must not go before the link's file";
  EXPECT_EQ(settings->access.tls_ca_file, "/ca");
  EXPECT_EQ(Settings::parse(provider, {{"tls_ca", "X"}, {"tls_ca_file", "/ca"}})->access.tls_ca_file, "")
      << "inline certificates go first";
}

TEST(KeyvalueNatsSettingsTest, names_the_key_that_cannot_be_and_never_a_secret) {
  const auto refusal = [](ConfigMap config) {
    config.try_emplace("bucket", "b");
    const auto settings = Settings::parse({}, config);
    return settings ? std::string("accepted") : settings.error().to_string();
  };
  EXPECT_NE(refusal({{"bucket", ""}}).find("`bucket`"), std::string::npos);
  EXPECT_NE(refusal({{"bucket", "a b"}}), "accepted");
  EXPECT_NE(refusal({{"client_jwt", "hunter2"}}).find("without client_seed"), std::string::npos);
  EXPECT_EQ(refusal({{"client_seed", "hunter2"}}).find("hunter2"), std::string::npos);
  EXPECT_NE(refusal({{"js_domain", "a.b"}}).find("js_domain"), std::string::npos);
  EXPECT_NE(refusal({{"custom_inbox_prefix", "a."}}).find("custom_inbox_prefix"), std::string::npos);
  EXPECT_NE(refusal({{"cluster_uri", " , "}}).find("cluster_uri"), std::string::npos);
  EXPECT_NE(refusal({{"watch", "GET@x"}}).find("GET@x"), std::string::npos);
}

TEST(KeyvalueNatsSettingsTest, shows_no_credentials) {
  const auto settings = Settings::parse({}, {{"bucket", "b"}, {"cluster_uri", "nats://me:hunter2@host:1"}});
  EXPECT_EQ(settings->access.shown(), "nats://host:1");
}

TEST(WatchListTest, reads_events_and_keys) {
  const auto list = keyvalue::WatchList::parse(" SET@a:b , del@c,,SET@ d ");
  ASSERT_TRUE(list);
  EXPECT_TRUE(list->wants_set("a:b"));
  EXPECT_TRUE(list->wants_set("d"));
  EXPECT_FALSE(list->wants_set("c"));
  EXPECT_TRUE(list->wants_erased("c"));
  EXPECT_FALSE(keyvalue::WatchList::parse("SET"));
  EXPECT_FALSE(keyvalue::WatchList::parse("SET@"));
  EXPECT_FALSE(keyvalue::WatchList::parse("@a"));
}

}  // namespace
}  // namespace weft::builtins::keyvalue_nats
