// SPDX-License-Identifier: Apache-2.0
#include "cli/options.hpp"

#include "cli/fake_world.hpp"

#include <gtest/gtest.h>

namespace weft::cli {
namespace {

using std::chrono::milliseconds;

Arguments given(std::initializer_list<std::pair<std::string, std::string>> options) {
  Arguments arguments;
  for (const auto& [name, value] : options) arguments.add_option(name, value);
  return arguments;
}

TEST(HostConfigTest, maps_shards_and_cache) {
  FakeWorld world;
  EXPECT_EQ(host_config(given({}), world.context, Shards::one_per_core)->shards, 0U);
  EXPECT_EQ(host_config(given({}), world.context, Shards::single)->shards, 1U);
  EXPECT_EQ(host_config(given({{"shards", "4"}}), world.context, Shards::single)->shards, 4U);
  EXPECT_EQ(host_config(given({}), world.context, Shards::single)->cache_dir, std::nullopt);
  EXPECT_EQ(host_config(given({{"cache-dir", "c"}}), world.context, Shards::single)->cache_dir, "c");
  EXPECT_EQ(host_config(given({{"no-cache", ""}}), world.context, Shards::single)->cache_dir, "");
  EXPECT_FALSE(host_config(given({{"no-cache", ""}, {"cache-dir", "c"}}), world.context, Shards::single));
  EXPECT_FALSE(host_config(given({{"cache-dir", ""}}), world.context, Shards::single));
  EXPECT_FALSE(host_config(given({{"shards", "1025"}}), world.context, Shards::single));
  EXPECT_FALSE(host_config(given({{"shards", "many"}}), world.context, Shards::single));
}

TEST(ComponentConfigTest, grants_nothing_unless_asked) {
  FakeWorld world;
  const auto config = component_config(given({}), world.context);
  EXPECT_TRUE(config->grants.environment.empty());
  EXPECT_TRUE(config->grants.dirs.empty());
  EXPECT_TRUE(config->grants.network.empty());
  EXPECT_EQ(config->limits.max_memory_bytes, 64ULL << 20);
  EXPECT_EQ(config->limits.timeout, milliseconds(30'000));
}

TEST(ComponentConfigTest, maps_grants_and_limits) {
  FakeWorld world;
  world.environment["HOME"] = "/h";
  const auto config = component_config(given({{"env", "A=1"},
                                              {"env", "HOME"},
                                              {"dir", "d::/d:rw"},
                                              {"allow-net", "x:1"},
                                              {"max-memory", "1g"},
                                              {"timeout", "500ms"},
                                              {"reuse", "9"},
                                              {"max-table", "7"},
                                              {"max-concurrent", "5"},
                                              {"id", "me"}}),
                                       world.context);
  ASSERT_TRUE(config) << config.error().message();
  EXPECT_EQ(config->id, "me");
  EXPECT_EQ(config->grants.environment[1], std::pair(std::string("HOME"), std::string("/h")));
  EXPECT_EQ(config->grants.dirs[0].guest_path, "/d");
  EXPECT_EQ(config->grants.network, std::vector<std::string>{"x:1"});
  EXPECT_EQ(config->limits.max_memory_bytes, 1ULL << 30);
  EXPECT_EQ(config->limits.timeout, milliseconds(500));
  EXPECT_EQ(config->limits.reuse, 9U);
  EXPECT_EQ(config->limits.max_table_elements, 7U);
  EXPECT_EQ(config->limits.max_concurrent, 5U);
}

TEST(ComponentConfigTest, an_error_names_its_option) {
  FakeWorld world;
  const auto config = component_config(given({{"max-memory", "lots"}}), world.context);
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().code(), Errc::invalid_argument);
  EXPECT_EQ(config.error().message(), "'--max-memory': 'lots' is not a size.");
  EXPECT_FALSE(component_config(given({{"reuse", "4294967296"}}), world.context));
  EXPECT_TRUE(component_config(given({{"reuse", "4294967295"}}), world.context));
}

TEST(ServeConfigTest, maps_every_option) {
  const auto config = serve_config(given({{"listen", "9000"},
                                          {"max-body", "1m"},
                                          {"max-header", "2k"},
                                          {"max-connections", "3"},
                                          {"max-in-flight", "4"},
                                          {"header-timeout", "5s"},
                                          {"idle-timeout", "6s"},
                                          {"io-timeout", "7s"},
                                          {"request-timeout", "8s"},
                                          {"access-log", ""}}));
  ASSERT_TRUE(config) << config.error().message();
  EXPECT_EQ(config->listen, "127.0.0.1:9000");
  EXPECT_EQ(config->max_body_bytes, 1ULL << 20);
  EXPECT_EQ(config->max_header_bytes, 2048U);
  EXPECT_EQ(config->max_connections, 3U);
  EXPECT_EQ(config->max_requests_in_flight, 4U);
  EXPECT_EQ(config->header_timeout, milliseconds(5'000));
  EXPECT_EQ(config->idle_timeout, milliseconds(6'000));
  EXPECT_EQ(config->io_timeout, milliseconds(7'000));
  EXPECT_EQ(config->request_timeout, milliseconds(8'000));
  EXPECT_TRUE(config->access_log);
}

TEST(ServeConfigTest, what_the_help_calls_defaults_are_the_defaults) {
  const ServeConfig built_in;
  Arguments arguments;
  for (const OptionSpec& option : serve_options()) {
    if (!option.value.empty() && option.name != "max-body")
      arguments.add_option(option.name, std::string(option.fallback));
  }
  const auto config = serve_config(arguments);
  ASSERT_TRUE(config) << config.error().message();
  EXPECT_EQ(config->listen, built_in.listen);
  EXPECT_EQ(config->max_header_bytes, built_in.max_header_bytes);
  EXPECT_EQ(config->max_connections, built_in.max_connections);
  EXPECT_EQ(config->max_requests_in_flight, built_in.max_requests_in_flight);
  EXPECT_EQ(config->header_timeout, built_in.header_timeout);
  EXPECT_EQ(config->idle_timeout, built_in.idle_timeout);
  EXPECT_EQ(config->io_timeout, built_in.io_timeout);
  EXPECT_EQ(config->request_timeout, built_in.request_timeout);
  EXPECT_EQ(*drain_grace(arguments), *drain_grace(Arguments{}));
}

TEST(StdioChoiceTest, is_open_unless_given) {
  EXPECT_EQ(stdio_choice(given({})), std::nullopt);
  EXPECT_EQ(stdio_choice(given({{"stdio", "log"}})), Stdio::log);
  EXPECT_EQ(stdio_choice(given({{"stdio", "inherit"}})), Stdio::inherit);
  EXPECT_EQ(stdio_choice(given({{"stdio", "discard"}})), Stdio::discard);
}

}  // namespace
}  // namespace weft::cli
