// SPDX-License-Identifier: Apache-2.0
#include "cli/fake_world.hpp"
#include "cli/host_command.hpp"
#include "cli/host_options.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weft::cli {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

/// What the fake host was told to join with; the fake refuses, so that the command ends.
LatticeConfig joined(std::vector<std::string> words, std::map<std::string, std::string> environment) {
  FakeWorld world;
  world.environment = std::move(environment);
  EXPECT_EQ(world.run(std::move(words)), 4);
  EXPECT_THAT(world.console.err_text, HasSubstr("the fake host joins no lattice"));
  return world.script.lattice_config;
}

TEST(HostCommandTest, takes_the_variables_that_wash_sets) {
  const std::map<std::string, std::string> environment{{"WASMCLOUD_LATTICE", "shop"},
                                                       {"WASMCLOUD_HOST_SEED", "SNSEED"},
                                                       {"WASMCLOUD_LABEL_zone", "b"},
                                                       {"WASMCLOUD_NATS_HOST", "10.0.0.1"},
                                                       {"WASMCLOUD_CTL_HOST", "10.0.0.2"},
                                                       {"WASMCLOUD_NATS_PORT", "4333"},
                                                       {"WASMCLOUD_CTL_CREDS", "/c"},
                                                       {"WASMCLOUD_CTL_TLS", "true"},
                                                       {"WASMCLOUD_CTL_TOPIC_PREFIX", "other"},
                                                       {"WASMCLOUD_JS_DOMAIN", "hub"},
                                                       {"WASMCLOUD_ALLOW_FILE_LOAD", "true"},
                                                       {"WASMCLOUD_HTTP_ADMIN", "127.0.0.1:8081"},
                                                       {"WASMCLOUD_HEARTBEAT_INTERVAL", "10"},
                                                       {"WASMCLOUD_MAX_EXECUTION_TIME_MS", "1500"},
                                                       {"WASMCLOUD_MAX_LINEAR_MEMORY", "1048576"},
                                                       {"WASMCLOUD_COMPONENT_AUCTION_ENABLED", "false"},
                                                       {"WASMCLOUD_PROV_SHUTDOWN_DELAY_MS", "700"},
                                                       {"WASMCLOUD_RPC_TIMEOUT_MS", "900"},
                                                       {"WASMCLOUD_LOG_LEVEL", "WARN"},
                                                       {"WASMCLOUD_CLUSTER_SEED", "ignored"}};
  // With the command's name and without any: that is how wash starts a host.
  for (const auto& words : {std::vector<std::string>{"host"}, std::vector<std::string>{}}) {
    const auto config = joined(words, environment);
    EXPECT_EQ(config.lattice, "shop");
    EXPECT_EQ(config.host_seed, "SNSEED");
    EXPECT_EQ(config.labels, (std::map<std::string, std::string>{{"zone", "b"}}));
    ASSERT_TRUE(config.nats);
    EXPECT_EQ(config.nats->urls, std::vector<std::string>{"nats://10.0.0.2:4333"});
    EXPECT_EQ(config.nats->credentials_file, "/c");
    EXPECT_TRUE(config.nats->require_tls);
    EXPECT_EQ(config.nats->jetstream_domain, "hub");
    EXPECT_EQ(config.control_prefix, "other");
    EXPECT_TRUE(config.allow_file_load);
    EXPECT_EQ(config.admin_listen, "127.0.0.1:8081");
    EXPECT_EQ(config.metrics_listen, "");
    EXPECT_EQ(config.heartbeat_interval, milliseconds(10'000));
    EXPECT_EQ(config.max_execution_time, milliseconds(1'500));
    EXPECT_EQ(config.max_memory_bytes, 1'048'576U);
    EXPECT_FALSE(config.component_auctions);
    EXPECT_TRUE(config.provider_auctions);
    EXPECT_EQ(config.provider_processes.shutdown_delay, milliseconds(700));
    EXPECT_EQ(config.provider_processes.rpc_timeout, milliseconds(900));
    EXPECT_EQ(config.provider_processes.log_level, "warn");
    EXPECT_EQ(config.data_dir, "");
    EXPECT_EQ(config.control_socket, "");
  }
}

TEST(HostCommandTest, flags_win_over_variables) {
  const auto config =
      joined({"host", "-x", "flag", "--nats-host", "h", "-l", "zone=a", "--allow-file-load", "--allow-spy"},
             {{"WASMCLOUD_LATTICE", "env"}, {"WASMCLOUD_LABEL_zone", "b"}});
  EXPECT_EQ(config.lattice, "flag");
  EXPECT_EQ(config.nats->urls, std::vector<std::string>{"nats://h:4222"});
  EXPECT_EQ(config.labels.at("zone"), "a");
  EXPECT_TRUE(config.allow_spy);
}

TEST(HostCommandTest, takes_the_services_of_a_lattice_like_any_host) {
  const auto config = joined({"host"}, {{"WASMCLOUD_POLICY_TOPIC", "wasmcloud.policy"},
                                        {"WASMCLOUD_POLICY_CHANGES_TOPIC", "wasmcloud.policy.changes"},
                                        {"WASMCLOUD_POLICY_TIMEOUT", "250"}})
                          .policy;
  const auto others =
      joined({"host"}, {{"WASMCLOUD_SECRETS_TOPIC", "wasmcloud.secrets"}, {"WASMCLOUD_CONFIG_SERVICE", "true"}});
  EXPECT_EQ(others.secrets_topic, "wasmcloud.secrets");
  EXPECT_TRUE(others.config_service);
  EXPECT_EQ(config.topic, "wasmcloud.policy");
  EXPECT_EQ(config.changes_topic, "wasmcloud.policy.changes");
  EXPECT_EQ(config.timeout, milliseconds(250));
  const auto none = joined({"host"}, {}).policy;
  EXPECT_EQ(none.topic, "");
  EXPECT_EQ(joined({"host"}, {}).secrets_topic, "");
  EXPECT_FALSE(joined({"host"}, {}).config_service);
  EXPECT_EQ(none.timeout, PolicyConfig().timeout);
}

TEST(HostCommandTest, what_the_help_calls_defaults_are_the_defaults) {
  const LatticeConfig built_in;
  const auto config = joined({"host"}, {});
  EXPECT_EQ(config.lattice, built_in.lattice);
  EXPECT_EQ(config.heartbeat_interval, built_in.heartbeat_interval);
  EXPECT_EQ(config.max_execution_time, built_in.max_execution_time);
  EXPECT_EQ(config.max_memory_bytes, built_in.max_memory_bytes);
  EXPECT_EQ(config.control_prefix, built_in.control_prefix);
  EXPECT_EQ(config.nats->urls, NatsConfig().urls);
  EXPECT_FALSE(config.allow_spy);
}

TEST(HostCommandTest, warns_of_what_it_has_nothing_for_and_only_when_it_differs_from_the_default) {
  FakeWorld world;
  world.environment = {{"WASMCLOUD_FLAME_GRAPH", "file"},        {"WASMCLOUD_RPC_HOST", "127.0.0.1"},
                       {"WASMCLOUD_RPC_PORT", "4222"},           {"WASMCLOUD_RPC_TLS", "false"},
                       {"WASMCLOUD_RPC_TIMEOUT_MS", "2000"},     {"WASMCLOUD_TRACE_LEVEL", "info"},
                       {"WASMCLOUD_OBSERVABILITY_PROTOCOL", ""}, {"WASMCLOUD_MAX_COMPONENTS", "7"}};
  EXPECT_EQ(unsupported_settings(Arguments{}, world.context),
            (std::vector<std::string>{"--max-components", "--flame-graph"}));
  world.run({"host"});
  EXPECT_THAT(world.console.err_text, HasSubstr("not supported yet: --max-components"));
}

TEST(HostCommandTest, refuses_values_that_are_none) {
  struct Case {
    std::map<std::string, std::string> environment;
    std::string message;
  };
  for (const auto& one :
       {Case{{{"WASMCLOUD_ALLOW_FILE_LOAD", "yes"}}, "allow-file-load"},
        Case{{{"WASMCLOUD_POLICY_CHANGES_TOPIC", "p"}}, "policy-topic"},
        Case{{{"WASMCLOUD_POLICY_TOPIC", "p"}, {"WASMCLOUD_POLICY_TIMEOUT", "0"}}, "policy-timeout-ms"},
        Case{{{"WASMCLOUD_HEARTBEAT_INTERVAL", "soon"}}, "heartbeat-interval-seconds"},
        Case{{{"WASMCLOUD_LOG_LEVEL", "loud"}}, "log-level"}, Case{{{"WASMCLOUD_NATS_JWT", "jwt"}}, "nats-seed"},
        Case{{{"WASMCLOUD_NATS_JWT", "j"}, {"WASMCLOUD_NATS_SEED", "s"}, {"WASMCLOUD_NATS_CREDS", "c"}},
             "exclude each other"}}) {
    FakeWorld world;
    world.environment = one.environment;
    EXPECT_EQ(world.run({"host"}), 2);
    EXPECT_THAT(world.console.err_text, HasSubstr(one.message));
  }
}

TEST(HostCommandTest, logs_as_json_when_asked) {
  FakeWorld world;
  world.environment = {{"WASMCLOUD_STRUCTURED_LOGGING_ENABLED", "true"}, {"WASMCLOUD_FLAME_GRAPH", "file"}};
  world.run({"host"});
  EXPECT_THAT(world.console.err_text, testing::StartsWith("{\"time\":"));
}

TEST(UpCommandTest, takes_its_lattice_from_the_environment_too) {
  FakeWorld world;
  world.environment = {{"WEFT_LATTICE", "shop"}, {"WEFT_DATA_DIR", "/nowhere"}, {"WEFT_NATS", "a,nats://b"}};
  EXPECT_EQ(world.run({"up", "--label", "zone=b", "--heartbeat", "5s"}), 4);
  const auto& config = world.script.lattice_config;
  EXPECT_EQ(config.lattice, "shop");
  EXPECT_EQ(config.control_socket, "/nowhere/control.sock");
  EXPECT_EQ(config.nats->urls, (std::vector<std::string>{"nats://a", "nats://b"}));
  EXPECT_EQ(config.labels.at("zone"), "b");
  EXPECT_EQ(config.heartbeat_interval, milliseconds(5'000));
}

}  // namespace
}  // namespace weft::cli
