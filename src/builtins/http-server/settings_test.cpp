// SPDX-License-Identifier: Apache-2.0
#include "builtins/http-server/settings.hpp"

#include <gtest/gtest.h>

#include "builtins/http-server/config_reader.hpp"

namespace weft::builtins::http_server {
namespace {

using namespace std::chrono_literals;

TEST(HttpServerSettingsTest, defaults_are_those_of_the_protocol) {
  const auto settings = read_provider_settings({});
  ASSERT_TRUE(settings);
  EXPECT_EQ(settings->mode, RoutingMode::address);
  EXPECT_EQ(settings->default_address, "0.0.0.0:8000");
  EXPECT_EQ(settings->header, "host");
  EXPECT_FALSE(settings->policy->cors);
  EXPECT_EQ(settings->limits, web::ServerLimits{});
  const auto link = read_link_settings({}, RoutingMode::address, settings->default_address);
  ASSERT_TRUE(link);
  EXPECT_EQ(link->address, "0.0.0.0:8000");
}

TEST(HttpServerSettingsTest, keys_are_read_without_regard_to_case) {
  const auto settings = read_provider_settings({{"Routing_Mode", "host"}, {"HEADER", "X-Site"}, {"Timeout_MS", "7"}});
  ASSERT_TRUE(settings);
  EXPECT_EQ(settings->mode, RoutingMode::host);
  EXPECT_EQ(settings->header, "x-site");
  EXPECT_EQ(settings->policy->head_timeout, 7ms);
}

struct Fault {
  ConfigMap config;
  std::string part;  ///< of the message
  Errc code = Errc::invalid_argument;
};

TEST(HttpServerSettingsTest, faults_of_the_provider_name_the_key) {
  const std::vector<Fault> faults = {
      {{{"routing_mode", "Path"}}, "`routing_mode` must be address, path or host"},
      {{{"routing_mode", ""}}, "`routing_mode`"},
      {{{"default_address", "8000"}}, "`default_address` must be host:port"},
      {{{"default_address", "127.0.0.1:99999"}}, "`default_address`"},
      {{{"header", "not a name"}}, "`header` is no name"},
      {{{"header", ""}}, "`header`"},
      {{{"readonly_mode", "yes"}}, "`readonly_mode` must be true or false"},
      {{{"timeout_ms", "0"}}, "`timeout_ms` must be a whole number from 1"},
      {{{"timeout_ms", "1.5"}}, "`timeout_ms`"},
      {{{"timeout_ms", "-1"}}, "`timeout_ms`"},
      {{{"max_connections", "0"}}, "`max_connections`"},
      {{{"max_header_bytes", "10"}}, "`max_header_bytes`"},
      {{{"max_body_bytes", "18446744073709551616"}}, "`max_body_bytes`"},
      {{{"idle_timeout_ms", "86400001"}}, "`idle_timeout_ms`"},
      {{{"cache_control", "a\r\nb: c"}}, "`cache_control`"},
      {{{"cors_allowed_origins", "https://a.test"}}, "`cors_allowed_origins` must be a JSON list"},
      {{{"cors_allowed_origins", R"(["a.test"])"}}, "`cors_allowed_origins` must list origins"},
      {{{"cors_allowed_origins", R"(["https://a.test/"])"}}, "`cors_allowed_origins`"},
      {{{"cors_allowed_origins", "[1]"}}, "`cors_allowed_origins`"},
      {{{"cors_allowed_headers", R"(["a b"])"}}, "`cors_allowed_headers`"},
      {{{"cors_allowed_methods", R"(["G,T"])"}}, "`cors_allowed_methods`"},
      {{{"cors_exposed_headers", R"(["a\r\nb"])"}}, "`cors_exposed_headers`"},
      {{{"cors_max_age_secs", "x"}}, "`cors_max_age_secs`"},
      {{{"cors_allowed_origin", "[]"}}, "`cors_allowed_origin` is unknown"},
      {{{"tls_cert_file", "/c"}}, "`tls_cert_file`", Errc::unsupported},
      {{{"TLS_priv_key_file", "/k"}}, "`tls_priv_key_file`", Errc::unsupported},
      {{{"config_b64", "e30"}}, "`config_b64`", Errc::unsupported},
      {{{"config_json", "{"}}, "config_json"},
      {{{"config_json", "[]"}}, "config_json"},
      {{{"config_json", R"({"timeout_ms":1.5})"}}, "config_json: member `timeout_ms`"},
      {{{"config_json", R"({"tls":{"cert_file":"/c"}})"}}, "`tls_cert_file`", Errc::unsupported},
      {{{"header", "a"}, {"Header", "b"}}, "given twice"},
  };
  for (const auto& [config, part, code] : faults) {
    const auto settings = read_provider_settings(config);
    ASSERT_FALSE(settings) << part;
    EXPECT_EQ(settings.error().code(), code) << part;
    EXPECT_EQ(settings.error().blame(), Blame::operator_);
    EXPECT_TRUE(settings.error().message().contains(part)) << settings.error().message() << "\nlacks " << part;
  }
}

TEST(HttpServerSettingsTest, faults_of_a_link_name_the_key_its_mode_needs) {
  struct Case {
    RoutingMode mode;
    ConfigMap config;
    std::string part;
  };
  const std::vector<Case> cases = {
      {RoutingMode::path, {}, "`path` is missing"},
      {RoutingMode::path, {{"path", ""}}, "`path` is missing"},
      {RoutingMode::path, {{"path", "api"}}, "`path` must begin with a slash"},
      {RoutingMode::path, {{"path", "/a?b"}}, "neither ? nor #"},
      {RoutingMode::path, {{"host", "a"}}, "`path` is missing"},
      {RoutingMode::host, {{"path", "/"}}, "`host` is missing"},
      {RoutingMode::address, {{"address", "nonsense"}}, "`address` must be host:port"},
      {RoutingMode::address, {{"tls_cert_file", "/c"}}, "`tls_cert_file`"},
      {RoutingMode::path, {{"path", "/"}, {"tls_cert_file", "/c"}}, "`tls_cert_file`"},
  };
  for (const auto& [mode, config, part] : cases) {
    const auto settings = read_link_settings(config, mode, "127.0.0.1:0");
    ASSERT_FALSE(settings) << part;
    EXPECT_TRUE(settings.error().message().contains(part)) << settings.error().message() << "\nlacks " << part;
  }
}

TEST(HttpServerSettingsTest, values_are_not_told_in_faults) {
  const auto settings = read_provider_settings({{"timeout_ms", "hunter2"}, {"cors_allowed_origins", "hunter2"}});
  ASSERT_FALSE(settings);
  EXPECT_FALSE(settings.error().to_string().contains("hunter2"));
}

TEST(HttpServerSettingsTest, one_json_object_stands_for_all_settings) {
  const auto settings = read_provider_settings(
      {{"config_json",
        R"({"timeout_ms":5,"readonly_mode":true,"cache_control":null,"cors":{"allowed_origins":["http://a.test"]}})"},
       {"cache_control", "passed over"},
       {"default_address", "127.0.0.1:1"},
       {"routing_mode", "path"}});
  ASSERT_TRUE(settings) << settings.error().to_string();
  EXPECT_EQ(settings->mode, RoutingMode::path);
  EXPECT_EQ(settings->default_address, "127.0.0.1:1");
  EXPECT_EQ(settings->policy->head_timeout, 5ms);
  EXPECT_TRUE(settings->policy->is_read_only);
  EXPECT_TRUE(settings->policy->cors);
  EXPECT_EQ(settings->policy->cache_control, "");
  const auto link = read_link_settings({{"config_json", R"({"address":"127.0.0.1:2"})"}, {"address", "127.0.0.1:3"}},
                                       RoutingMode::address, "127.0.0.1:4");
  ASSERT_TRUE(link);
  EXPECT_EQ(link->address, "127.0.0.1:2");
}

TEST(HttpServerSettingsTest, limits_of_the_server_have_keys) {
  const auto settings = read_provider_settings({{"max_body_bytes", "0"},
                                                {"max_header_bytes", "1024"},
                                                {"max_connections", "2"},
                                                {"max_requests_in_flight", "3"},
                                                {"header_timeout_ms", "4"},
                                                {"idle_timeout_ms", "5"},
                                                {"io_timeout_ms", "6"},
                                                {"request_timeout_ms", "7"}});
  ASSERT_TRUE(settings);
  const web::ServerLimits expected = {.max_header_bytes = 1024,
                                      .max_body_bytes = 0,
                                      .max_connections = 2,
                                      .max_requests_in_flight = 3,
                                      .header_timeout = 4ms,
                                      .idle_timeout = 5ms,
                                      .io_timeout = 6ms,
                                      .request_timeout = 7ms};
  EXPECT_EQ(settings->limits, expected);
}

TEST(HttpServerSettingsTest, a_mistyped_list_leaves_what_was_there) {
  auto reader = ConfigReader::create({{"a", R"(["x",1])"}});
  ASSERT_TRUE(reader);
  std::vector<std::string> list = {"kept"};
  reader->texts("a", list);
  EXPECT_EQ(list, std::vector<std::string>{"kept"});
  EXPECT_FALSE(reader->check());
}

}  // namespace
}  // namespace weft::builtins::http_server
