// SPDX-License-Identifier: Apache-2.0
#include "cli/commands.hpp"
#include "base/temporary_folder.hpp"
#include "cli/fake_world.hpp"
#include "cli/file.hpp"
#include "cli/lattice/daemon_file.hpp"
#include "cli/lattice/json_value.hpp"
#include "cli/lattice/workloads.hpp"
#include "lattice/control_fixture.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <boost/json.hpp>

#include <filesystem>
#include <future>

namespace weft::cli {
namespace {

using lattice::kHostId;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

/// The real commands against the control server of a fake host, found by the file in its data folder.
class LatticeCommandsTest : public lattice::ControlTest {
 protected:
  LatticeCommandsTest() {
    world.lattice_bus = std::shared_ptr<weft::bus::Bus>(&bus, [](weft::bus::Bus*) {});
    world.environment["WEFT_DATA_DIR"] = folder.file("");
    EXPECT_TRUE(write_daemon_file(folder.file(""), {.host_id = kHostId, .lattice = "test", .alone = true, .pid = 0}));
  }

  int weft(std::vector<std::string> words) {
    world.console.out_text.clear();
    world.console.err_text.clear();
    world.context.output = OutputFormat::text;
    return world.run(std::move(words));
  }
  /// The command's result as JSON.
  boost::json::value json(std::vector<std::string> words) {
    words.insert(words.end(), {"--output", "json"});
    EXPECT_EQ(weft(words), 0) << world.console.err_text;
    const auto value = parse_json(world.console.out_text, "the command's result");
    EXPECT_TRUE(value) << world.console.out_text;
    return value ? *value : boost::json::value();
  }
  void run_cart() {
    wire::ComponentDescription cart;
    cart.id = "cart";
    cart.image_ref = "registry.example.net/shop/cart:1.4.0";
    cart.annotations = {{"team", "shop"}};
    cart.max_instances = 50;
    cart.limits = wire::StringMap{{"max_memory_limit", "1000"}};
    host.components = {cart};
    wire::ProviderDescription http;
    http.id = "http";
    http.image_ref = "http-server:1";
    host.providers = {http};
  }

  weft::testing_support::TemporaryFolder folder;
  FakeWorld world;
};

// ---- what there is ----

TEST_F(LatticeCommandsTest, get_hosts_lists_those_that_answer) {
  ASSERT_EQ(weft({"get", "hosts"}), 0) << world.console.err_text;
  EXPECT_THAT(world.console.out_text, StartsWith("ID "));
  EXPECT_THAT(world.console.out_text, HasSubstr("quiet-harbor-0412  1.2.3    2m 21s  hostcore.os=linux,zone=b\n"));
  const auto value = json({"get", "hosts"});
  EXPECT_EQ(text_at(value.at("hosts").at(0), "id"), kHostId);
}

TEST_F(LatticeCommandsTest, get_inventory_shows_what_runs) {
  run_cart();
  ASSERT_EQ(weft({"get", "inventory"}), 0) << world.console.err_text;
  EXPECT_THAT(world.console.out_text,
              StartsWith(fmt::format("host {} (quiet-harbor-0412), 1.2.3, up 2m 21s\n", kHostId)));
  EXPECT_THAT(world.console.out_text, HasSubstr("component  cart  registry.example.net/shop/cart:1.4.0  50"));
  EXPECT_THAT(world.console.out_text, HasSubstr("provider   http  http-server:1"));
  const auto value = json({"get", "inventory", kHostId});
  EXPECT_EQ(number_at(value.at("inventories").at(0).at("components").at(0), "max_instances"), 50);
}

TEST_F(LatticeCommandsTest, get_components_and_providers_list_one_kind) {
  EXPECT_EQ(weft({"get", "components"}), 0);
  EXPECT_EQ(world.console.out_text, "no components\n");
  run_cart();
  EXPECT_EQ(text_at(json({"get", "components"}).at("components").at(0), "host"), kHostId);
  EXPECT_EQ(text_at(json({"get", "providers"}).at("providers").at(0), "id"), "http");
  EXPECT_EQ(weft({"get", "providers", "--host", "quiet"}), 0);
  EXPECT_EQ(world.console.out_text,
            "ID    HOST               REFERENCE      PID  RESTARTS  HEALTH\n"
            "http  quiet-harbor-0412  http-server:1  -    -         -\n");
}

TEST_F(LatticeCommandsTest, get_providers_shows_what_a_weft_host_knows_of_their_processes) {
  run_cart();
  host.answers["providers"] =
      R"([{"id":"http","image_ref":"http-server:1","restarts":2,"pid":71,"instance_id":"i","health":"unhealthy","message":"no disk"}])";
  EXPECT_EQ(weft({"get", "providers"}), 0);
  EXPECT_THAT(world.console.out_text, HasSubstr("http-server:1  71   2         unhealthy\n"));
  const auto provider = json({"get", "providers"}).at("providers").at(0);
  EXPECT_EQ(number_at(provider, "pid"), 71);
  EXPECT_EQ(text_at(provider, "health_message"), "no disk");
  EXPECT_EQ(text_at(provider, "instance_id"), "i");
}

TEST_F(LatticeCommandsTest, get_claims_is_empty_where_nothing_is_signed) {
  EXPECT_EQ(weft({"get", "claims"}), 0);
  EXPECT_EQ(world.console.out_text, "no claims\n");
  EXPECT_TRUE(json({"get", "claims"}).at("claims").as_array().empty());
}

TEST_F(LatticeCommandsTest, status_is_a_host_at_a_glance) {
  run_cart();
  const auto value = json({"status"});
  EXPECT_EQ(text_at(value, "id"), kHostId);
  EXPECT_EQ(text_at(value, "lattice"), "test");
  EXPECT_EQ(number_at(value, "components"), 1);
  ASSERT_EQ(weft({"status", "quiet"}), 0);
  EXPECT_THAT(world.console.out_text, HasSubstr("name        quiet-harbor-0412\nlattice     test\n"));
}

TEST_F(LatticeCommandsTest, tree_draws_branches) {
  host.answers["tree"] = R"({"id":1,"name":"host","kind":"supervisor","state":"running","strategy":"one-for-one",
    "restarts":0,"children":[
      {"name":"bus","kind":"task","state":"running","restarts":2,"lastFailure":{"text":"lost\u001b","at":"10:00"}},
      {"name":"components","kind":"supervisor","state":"running","restarts":0,"children":[
        {"name":"cart","kind":"component","state":"running","restarts":0}]}]})";
  ASSERT_EQ(weft({"tree"}), 0) << world.console.err_text;
  EXPECT_EQ(world.console.out_text,
            "host [supervisor] running one-for-one\n"
            "├─ bus [task] running restarts=2 (failed 10:00: lost\\x1b)\n"
            "└─ components [supervisor] running\n"
            "   └─ cart [component] running\n");
  EXPECT_EQ(text_at(json({"tree"}), "name"), "host");
}

TEST_F(LatticeCommandsTest, logs_are_the_last_lines) {
  host.answers["logs"] = R"([
    {"number":1,"time":"t1","level":"info","component":"","message":"one"},
    {"number":2,"time":"t2","level":"warning","component":"cart","message":"two\n"}])";
  ASSERT_EQ(weft({"logs"}), 0) << world.console.err_text;
  EXPECT_EQ(world.console.out_text, "t1 info one\nt2 warning [cart] two\\x0a\n");
  ASSERT_EQ(weft({"logs", "--lines", "1", "--component", "cart"}), 0);
  EXPECT_EQ(world.console.out_text, "t2 warning [cart] two\\x0a\n");
  EXPECT_EQ(number_at(json({"logs", "--lines", "1"}), "number"), 2);
  EXPECT_EQ(weft({"logs", "--lines", "some"}), 2);
}

// ---- starting, stopping ----

TEST_F(LatticeCommandsTest, start_component_waits_until_it_serves) {
  ASSERT_EQ(weft({"start", "component", "r.example/cart:1", "cart", "--count", "3", "--config", "a", "--config", "b",
                  "--annotation", "team=shop", "--max-memory", "1m", "--max-time", "1500ms"}),
            0)
      << world.console.err_text;
  EXPECT_EQ(world.console.out_text, fmt::format("component cart serves on {}\n", kHostId));
  ASSERT_EQ(host.scaled.size(), 1U);
  const auto& command = host.scaled[0];
  EXPECT_EQ(command.component_ref, "r.example/cart:1");
  EXPECT_EQ(command.count, 3U);
  EXPECT_THAT(command.config, ElementsAre("a", "b"));
  EXPECT_EQ(command.annotations, (wire::StringMap{{"team", "shop"}}));
  EXPECT_EQ(command.component_limits, (wire::StringMap{{"max_execution_time", "2"}, {"max_memory_limit", "1048576"}}));
}

TEST_F(LatticeCommandsTest, start_finds_a_host_by_its_labels) {
  const auto value = json({"start", "component", "r", "cart", "--constraint", "zone=b"});
  EXPECT_EQ(text_at(value, "state"), "done");
  EXPECT_EQ(text_at(value, "message"), "serves");
  EXPECT_EQ(text_at(value, "host"), kHostId);
  EXPECT_EQ(weft({"start", "component", "r", "cart", "--constraint", "zone=c"}), 3);
  EXPECT_THAT(world.console.err_text, HasSubstr("No host with the labels zone=c takes 'cart'."));
}

TEST_F(LatticeCommandsTest, start_provider_fails_with_the_hosts_reason) {
  EXPECT_EQ(weft({"start", "provider", "wasmcloud+builtin://http-server", "good"}), 0) << world.console.err_text;
  EXPECT_EQ(host.started.at(0).provider_ref, "wasmcloud+builtin://http-server");
  EXPECT_EQ(weft({"start", "provider", "r", "bad"}), 1);
  EXPECT_THAT(world.console.err_text, HasSubstr("no such provider"));
  EXPECT_EQ(weft({"start", "provider", "r", "bad", "--no-wait"}), 0);
  EXPECT_THAT(world.console.out_text, HasSubstr("provider bad accepted on N"));
  EXPECT_THAT(world.console.out_text, HasSubstr(", operation op-"));
  EXPECT_EQ(weft({"start", "provider", "r", "bad", "--no-wait", "--wait"}), 2);
}

TEST_F(LatticeCommandsTest, a_bad_command_line_is_refused_before_anything_is_sent) {
  world.lattice_bus.reset();
  for (const auto& words :
       std::vector<std::vector<std::string>>{{"start", "component", "r", "not.an.id"},
                                             {"start", "component", "r", "id", "--count", "-1"},
                                             {"start", "component", "r", "id", "--annotation", "novalue"},
                                             {"scale", "cart", "many"},
                                             {"link", "put", "a", "b", "wasi", "keyvalue"},
                                             {"config", "put", "c", "novalue"},
                                             {"label", "novalue"},
                                             {"label", "a=b", "--delete"},
                                             {"events", "--count", "0"}}) {
    EXPECT_EQ(weft(words), 2) << fmt::format("{}", fmt::join(words, " ")) << world.console.err_text;
  }
}

TEST_F(LatticeCommandsTest, scale_keeps_what_is_not_given) {
  run_cart();
  host.answers["component-config"] = R"(["a","b"])";
  ASSERT_EQ(weft({"scale", "cart", "max"}), 0) << world.console.err_text;
  auto command = host.scaled.at(0);
  EXPECT_EQ(command.component_ref, "registry.example.net/shop/cart:1.4.0");
  EXPECT_EQ(command.count, UINT32_MAX);
  EXPECT_THAT(command.config, ElementsAre("a", "b"));
  EXPECT_EQ(command.annotations, (wire::StringMap{{"team", "shop"}}));
  EXPECT_EQ(command.component_limits, (wire::StringMap{{"max_memory_limit", "1000"}}));
  ASSERT_EQ(weft({"scale", "cart", "2", "--config", "c", "--annotation", "x=y"}), 0);
  command = host.scaled.at(1);
  EXPECT_THAT(command.config, ElementsAre("c"));
  EXPECT_EQ(command.annotations, (wire::StringMap{{"x", "y"}}));
}

TEST_F(LatticeCommandsTest, scale_says_when_a_host_does_not_tell_the_configurations) {
  run_cart();
  ASSERT_EQ(weft({"scale", "cart", "2"}), 0);
  EXPECT_THAT(world.console.err_text, HasSubstr("name them with '--config'"));
}

TEST_F(LatticeCommandsTest, update_names_the_new_reference) {
  wire::ComponentDescription component;
  component.id = "updatable";
  host.components = {component};
  ASSERT_EQ(weft({"update", "updatable", "/x/../cart.wasm"}), 0) << world.console.err_text;
  EXPECT_THAT(host.said, testing::Contains("update updatable file:///cart.wasm"));
  run_cart();
  EXPECT_EQ(weft({"update", "cart", "r"}), 1);
  EXPECT_THAT(world.console.err_text, HasSubstr("component cart not found"));
}

TEST_F(LatticeCommandsTest, stop_finds_where_it_runs) {
  run_cart();
  ASSERT_EQ(weft({"stop", "component", "cart"}), 0) << world.console.err_text;
  EXPECT_EQ(world.console.out_text, fmt::format("component cart stopped on {}\n", kHostId));
  EXPECT_EQ(host.scaled.at(0).count, 0U);
  EXPECT_EQ(host.scaled.at(0).component_ref, "registry.example.net/shop/cart:1.4.0");
  EXPECT_EQ(text_at(json({"stop", "provider", "http"}), "state"), "done");
  EXPECT_THAT(host.said, testing::Contains("stop http"));
  EXPECT_EQ(weft({"stop", "component", "none"}), 3);
  EXPECT_THAT(world.console.err_text, HasSubstr("No component 'none' runs."));
}

TEST_F(LatticeCommandsTest, down_waits_until_the_host_says_goodbye) {
  host.on_stop = [this] { publisher.publish("host_stopped", wire::host_stopped_data({})); };
  ASSERT_EQ(weft({"down", "--drain", "2s"}), 0) << world.console.err_text;
  EXPECT_EQ(world.console.out_text, fmt::format("host {} stopped\n", kHostId));
  EXPECT_THAT(host.said, testing::Contains("stop host 2000"));
  host.on_stop = nullptr;
  EXPECT_EQ(weft({"stop", "host", "quiet", "--timeout", "50ms"}), 124);
  EXPECT_EQ(weft({"stop", "host", "quiet", "--no-wait"}), 0);
}

// ---- the lattice ----

TEST_F(LatticeCommandsTest, links_are_put_listed_and_deleted) {
  ASSERT_EQ(weft({"link", "put", "cart", "kv", "wasi", "keyvalue", "-i", "store", "-i", "atomics"}), 0)
      << world.console.err_text;
  EXPECT_EQ(world.console.out_text, "link cart wasi:keyvalue default set\n");
  for (const auto* group : {"link", "get"}) {
    const auto value = json({group, group == std::string_view("link") ? "get" : "links"});
    const auto& links = value.at("links").as_array();
    ASSERT_EQ(links.size(), 1U);
    EXPECT_EQ(text_at(links[0], "target"), "kv");
  }
  EXPECT_EQ(weft({"get", "links"}), 0);
  EXPECT_THAT(world.console.out_text, HasSubstr("cart    kv      wasi:keyvalue  store,atomics  default"));
  EXPECT_EQ(weft({"link", "put", "cart", "other", "wasi", "keyvalue", "-i", "store"}), 1);
  EXPECT_EQ(weft({"link", "put", "a", "b", "n", "p", "-i", "i", "--source-config", "none"}), 1);
  EXPECT_EQ(weft({"link", "put", "cart", "kv", "wasi:keyvalue", "store", "-i", "store"}), 2);
  EXPECT_EQ(world.console.err_text,
            "error: 'wasi:keyvalue' is no namespace.\n  fix: Of 'wasi:keyvalue/store@0.2.0' it would be: wasi.\n");
  EXPECT_EQ(weft({"link", "put", "cart", "kv", "wasi", "keyvalue@0.2.0", "-i", "store"}), 2);
  EXPECT_EQ(weft({"link", "put", "cart", "kv", "wasi", "keyvalue", "-i", "keyvalue/store"}), 2);
  EXPECT_EQ(weft({"link", "del", "cart", "kv", "wasi:keyvalue"}), 2) << "two names of workloads, as for put";
  EXPECT_EQ(weft({"link", "del", "cart", "wasi", "keyvalue"}), 0);
  EXPECT_TRUE(json({"get", "links"}).at("links").as_array().empty());
}

TEST_F(LatticeCommandsTest, configurations_are_put_shown_and_deleted) {
  ASSERT_EQ(weft({"config", "put", "http", "address=0.0.0.0:80", "empty="}), 0) << world.console.err_text;
  EXPECT_EQ(world.console.out_text, "config http set\n");
  EXPECT_EQ(text_at(json({"config", "get", "http"}).at("config"), "address"), "0.0.0.0:80");
  EXPECT_EQ(weft({"get", "config", "http"}), 0);
  EXPECT_EQ(world.console.out_text, "KEY      VALUE\naddress  0.0.0.0:80\nempty    -\n");
  EXPECT_EQ(weft({"config", "del", "http"}), 0);
  EXPECT_EQ(weft({"config", "get", "http"}), 3);
  EXPECT_THAT(world.console.err_text, HasSubstr("weft config put http"));
}

TEST_F(LatticeCommandsTest, labels_are_set_and_deleted) {
  ASSERT_EQ(weft({"label", "cordon=true"}), 0) << world.console.err_text;
  EXPECT_EQ(world.console.out_text, fmt::format("label cordon=true set on {}\n", kHostId));
  EXPECT_EQ(weft({"label", "cordon", "quiet", "--delete"}), 0);
  EXPECT_EQ(weft({"label", "hostcore.os=plan9"}), 1);
}

TEST_F(LatticeCommandsTest, ops_is_the_journal) {
  EXPECT_EQ(weft({"ops"}), 0);
  EXPECT_EQ(world.console.out_text, "no operations\n");
  ASSERT_EQ(weft({"label", "a=b"}), 0);
  ASSERT_EQ(weft({"ops"}), 0);
  EXPECT_THAT(world.console.out_text, HasSubstr("op-1  label.put"));
  EXPECT_EQ(text_at(json({"ops", "op-1"}).at("operations").at(0), "state"), "done");
  EXPECT_EQ(weft({"ops", "op-none"}), 3);
}

TEST_F(LatticeCommandsTest, events_follows_until_it_is_enough) {
  auto code = std::async(std::launch::async,
                         [this] { return weft({"events", "--name", "labels_changed", "--count", "2", "-o", "json"}); });
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (code.wait_for(std::chrono::milliseconds(5)) != std::future_status::ready &&
         std::chrono::steady_clock::now() < deadline) {
    ASSERT_TRUE(ask(client.put_label(kHostId, {.key = "a", .value = "b"})));
  }
  ASSERT_EQ(code.get(), 0) << world.console.err_text;
  EXPECT_EQ(std::ranges::count(world.console.out_text, '\n'), 2);
  EXPECT_THAT(world.console.out_text, HasSubstr(R"("type":"com.wasmcloud.lattice.labels_changed")"));
}

TEST_F(LatticeCommandsTest, call_reaches_a_component_that_runs) {
  run_cart();
  host.answers["call"] = R"({"result":"[1, 2]"})";
  ASSERT_EQ(weft({"call", "cart", "a:b/c#f", "1"}), 0) << world.console.err_text;
  EXPECT_EQ(world.console.out_text, "[1, 2]\n");
  EXPECT_EQ(text_at(json({"call", "cart", "f"}), "result"), "[1, 2]");
  host.answers["call"] = R"({"result":[1,2]})";
  EXPECT_EQ(json({"call", "cart", "f", "--json"}).at("result").as_array().size(), 2U);
  EXPECT_EQ(weft({"call", "none", "f"}), 3);
  EXPECT_EQ(weft({"call", "cart", "f", "--env", "A=b"}), 2);
}

// ---- around them ----

TEST_F(LatticeCommandsTest, complete_prints_names_or_nothing) {
  run_cart();
  EXPECT_EQ(weft({"complete", "components"}), 0);
  EXPECT_EQ(world.console.out_text, "cart\n");
  EXPECT_EQ(weft({"complete", "workloads"}), 0);
  EXPECT_EQ(world.console.out_text, "cart\nhttp\n");
  EXPECT_EQ(weft({"complete", "hosts"}), 0);
  EXPECT_EQ(world.console.out_text, "quiet-harbor-0412\n");
  ASSERT_EQ(weft({"config", "put", "settings", "a=b"}), 0);
  ASSERT_EQ(weft({"link", "put", "a", "b", "n", "p", "-i", "i", "--target-config", "settings"}), 0);
  EXPECT_EQ(weft({"complete", "configs"}), 0);
  EXPECT_EQ(world.console.out_text, "settings\n");
  host.answers["configs"] = R"(["settings","unused"])";
  EXPECT_EQ(weft({"complete", "configs"}), 0);
  EXPECT_EQ(world.console.out_text, "settings\nunused\n");
  world.lattice_bus.reset();
  EXPECT_EQ(weft({"complete", "components"}), 0);
  EXPECT_EQ(world.console.out_text + world.console.err_text, "");
}

TEST_F(LatticeCommandsTest, nobody_there_is_said_clearly) {
  EXPECT_EQ(weft({"get", "hosts", "--lattice", "empty"}), 1);
  EXPECT_THAT(world.console.err_text, HasSubstr("No host of the lattice 'empty' answers at " + folder.file("")));
  EXPECT_EQ(weft({"status", "--host", "none"}), 3);
  EXPECT_THAT(world.console.err_text, HasSubstr("quiet-harbor-0412"));
  world.lattice_bus.reset();
  EXPECT_EQ(weft({"get", "hosts"}), 1);
}

TEST_F(LatticeCommandsTest, config_show_says_where_each_setting_is_from) {
  world.environment["WEFT_NATS"] = "nats://me:hunter2@a:4222";
  const auto value = json({"config", "show", "--effective", "--lattice", "shop", "--host-seed", "SNSECRET"});
  std::map<std::string, std::string> settings;
  for (const auto& row : elements(value.at("settings"))) {
    settings[text_at(row, "name")] = text_at(row, "value") + " | " + text_at(row, "origin");
  }
  EXPECT_EQ(settings["lattice"], "shop | flag");
  EXPECT_EQ(settings["heartbeat"], "30s | default");
  EXPECT_EQ(settings["data-dir"], folder.file("") + " | environment WEFT_DATA_DIR");
  EXPECT_EQ(settings["host-seed"], "(hidden) | flag");
  EXPECT_EQ(settings["nats"], "nats://a:4222 | environment WEFT_NATS");
  EXPECT_THAT(world.console.out_text, testing::Not(HasSubstr("hunter2")));
  world.environment.clear();
  world.environment["WEFT_DATA_DIR"] = folder.file("");
  EXPECT_EQ(weft({"config", "show"}), 0);
  EXPECT_THAT(world.console.out_text, HasSubstr("data-dir"));
  EXPECT_THAT(world.console.out_text, testing::Not(HasSubstr("heartbeat")));
}

TEST(AbsoluteReferenceTest, only_paths_become_urls) {
  EXPECT_EQ(absolute_reference("/a/b.wasm"), "file:///a/b.wasm");
  EXPECT_EQ(absolute_reference("./b.wasm"), "file://" + (std::filesystem::current_path() / "b.wasm").string());
  EXPECT_EQ(absolute_reference("file:///a/b.wasm"), "file:///a/b.wasm");
  EXPECT_EQ(absolute_reference("wasmcloud+builtin://http-server"), "wasmcloud+builtin://http-server");
  EXPECT_EQ(absolute_reference("ghcr.io/a/b:1"), "ghcr.io/a/b:1");
}

}  // namespace
}  // namespace weft::cli
