// SPDX-License-Identifier: Apache-2.0
// Commands and links of a lattice, as they change what one of its hosts serves.
#include "bus/sqlite_store.hpp"
#include "host/node_fixture.hpp"

namespace weft::host {
namespace {

using namespace std::chrono_literals;
using lattice::OperationState;
using test::app;
using test::NodeTest;

TEST_F(NodeTest, a_component_behind_http_server_answers_and_changes_under_its_callers) {
  const auto port = start_web();
  start("hello", "hello-c");
  link("web", "hello", "wasi:http", {"incoming-handler"});
  EXPECT_EQ(get(port), "200 hello from C\n");
  const auto scaled = events_->wait_for("component_scaled");
  EXPECT_EQ(scaled.source, member_->host_id());
  EXPECT_NE(scaled.data.find("\"max_instances\":10"), std::string::npos) << scaled.data;

  const auto updated = outcome(run(client_->update({.component_id = "hello",
                                                    .new_component_ref = app("hello-cpp"),
                                                    .host_id = member_->host_id(),
                                                    .annotations = {}})));
  EXPECT_EQ(updated.state, OperationState::done) << updated.message;
  EXPECT_EQ(get(port), "200 hello from C++\n");

  const auto inventory = run(client_->inventory(member_->host_id()));
  ASSERT_EQ(inventory->components.size(), 1U);
  EXPECT_EQ(inventory->components[0].image_ref, app("hello-cpp"));
  EXPECT_EQ(inventory->components[0].max_instances, 10U);
  ASSERT_EQ(inventory->providers.size(), 1U);
  EXPECT_EQ(inventory->providers[0].image_ref, "http-server");

  EXPECT_EQ(outcome(run(client_->scale(scale("hello", app("hello-cpp"), 0)))).state, OperationState::done);
  EXPECT_TRUE(get(port).starts_with("503 ")) << get(port);
  EXPECT_TRUE(run(client_->inventory(member_->host_id()))->components.empty());
}

TEST_F(NodeTest, a_restarted_host_serves_what_it_served) {
  const auto port = start_web();
  start("hello", "hello-c");
  link("web", "hello", "wasi:http", {"incoming-handler"});
  ASSERT_EQ(get(port), "200 hello from C\n");
  const auto id = member_->host_id();
  down();
  up();
  EXPECT_EQ(member_->host_id(), id) << "the key is kept";
  EXPECT_TRUE(bus::testing_support::eventually([&] { return get(port) == "200 hello from C\n"; })) << get(port);
}

TEST_F(NodeTest, what_a_stop_interrupts_is_carried_out_by_the_restarted_host) {
  const auto port = start_web();
  link("web", "hello", "wasi:http", {"incoming-handler"});
  ASSERT_TRUE(run(client_->scale(scale("hello", app("hello-c"), 1)))) << "accepted, and not waited for";
  down();
  up();
  EXPECT_TRUE(bus::testing_support::eventually([&] { return get(port) == "200 hello from C\n"; })) << get(port);
}

TEST_F(NodeTest, a_component_that_cannot_start_is_told_and_leaves_nothing) {
  auto command = scale("ghost", "file:///nowhere/ghost.wasm", 1);
  const auto ended = outcome(run(client_->scale(command)));
  EXPECT_EQ(ended.state, OperationState::failed);
  EXPECT_NE(ended.message.find("/nowhere/ghost.wasm"), std::string::npos) << ended.message;
  const auto failed = events_->wait_for("component_scale_failed");
  EXPECT_NE(failed.data.find("/nowhere/ghost.wasm"), std::string::npos);
  EXPECT_TRUE(run(client_->inventory(member_->host_id()))->components.empty());
  command.config = {"not-there"};
  command.component_ref = app("hello-c");
  const auto unconfigured = outcome(run(client_->scale(command)));
  EXPECT_NE(unconfigured.message.find("not-there"), std::string::npos) << unconfigured.message;
}

TEST_F(NodeTest, a_component_whose_entry_in_the_lattice_cannot_be_read_is_told_and_leaves_nothing) {
  down();
  {
    auto store = bus::SqliteStore::open(folder_.file("data/state.db"));
    ASSERT_TRUE(store) << store.error().to_string();
    const auto bucket = run((*store)->open_bucket("LATTICEDATA_default"));
    ASSERT_TRUE(bucket && run((*bucket)->put("COMPONENT_hello", "no JSON")));
  }
  up();
  const auto ended = outcome(run(client_->scale(scale("hello", app("hello-c"), 1))));
  EXPECT_EQ(ended.state, OperationState::failed) << ended.message;
  EXPECT_TRUE(run(client_->inventory(member_->host_id()))->components.empty());
}

TEST_F(NodeTest, a_running_component_is_warned_of_another_reference_and_keeps_its_own) {
  start("hello", "hello-c");
  const auto warned = run(client_->scale(scale("hello", app("hello-cpp"), 3)));
  ASSERT_TRUE(warned);
  EXPECT_NE(warned->message.find("will not be updated"), std::string::npos) << warned->message;
  EXPECT_EQ(outcome(warned).state, OperationState::done);
  auto inventory = run(client_->inventory(member_->host_id()));
  EXPECT_EQ(inventory->components[0].image_ref, app("hello-c"));
  EXPECT_EQ(inventory->components[0].max_instances, 3U);
  auto command = scale("hello", app("hello-cpp"), 4);
  command.allow_update = true;
  command.annotations = wire::StringMap{{"wasmcloud.dev/appspec", "shop"}};
  EXPECT_EQ(outcome(run(client_->scale(command))).state, OperationState::done);
  inventory = run(client_->inventory(member_->host_id()));
  EXPECT_EQ(inventory->components[0].image_ref, app("hello-cpp"));
  EXPECT_EQ(inventory->components[0].annotations.at("wasmcloud.dev/appspec"), "shop");
}

TEST_F(NodeTest, providers_are_refused_by_name) {
  const auto start_one = [&](const std::string& id, const std::string& ref) {
    return run(client_->start_provider(
        {.provider_id = id, .provider_ref = ref, .host_id = member_->host_id(), .config = {}, .annotations = {}}));
  };
  EXPECT_NE(outcome(start_one("x", "wasmcloud+builtin://nothing")).message.find("http-server"), std::string::npos);
  EXPECT_EQ(outcome(start_one("kv", "wasmcloud+builtin://keyvalue")).state, OperationState::done);
  const auto twice = start_one("kv", "wasmcloud+builtin://keyvalue");
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().message().substr(0, 44), "provider with that ID is already running: st");
  const auto stopped = run(client_->stop_provider({.provider_id = "kv", .host_id = member_->host_id()}));
  ASSERT_TRUE(stopped);
  EXPECT_EQ(stopped->message, "successfully stopped provider");
  events_->wait_for("provider_stopped");
  EXPECT_FALSE(run(client_->stop_provider({.provider_id = "kv", .host_id = member_->host_id()})));
}

TEST_F(NodeTest, a_hundred_commands_at_once_all_end) {
  constexpr int kComponents = 100;
  std::vector<std::string> operations;
  for (int index = 0; index < kComponents; ++index) {
    const auto accepted = run(client_->scale(scale("c" + std::to_string(index), app("hello-c"), 1)));
    ASSERT_TRUE(accepted);
    operations.push_back(accepted->operation);
  }
  for (const auto& operation : operations) {
    EXPECT_EQ(outcome(lattice::Accepted{{}, operation}).state, OperationState::done);
  }
  EXPECT_EQ(run(client_->inventory(member_->host_id()))->components.size(), static_cast<std::size_t>(kComponents));
}

TEST_F(NodeTest, the_tree_shows_what_runs) {
  start("hello", "hello-c");
  const auto tree = run(client_->ask(member_->host_id(), "tree", "", 5s));
  ASSERT_TRUE(tree);
  for (const char* part : {"\"name\":\"host\"", "\"name\":\"components\"", "\"name\":\"hello\"",
                           "\"kind\":\"component\"", "\"name\":\"shard-1\"", "\"state\":\"ready\""}) {
    EXPECT_NE(tree->find(part), std::string::npos) << part << " in " << *tree;
  }
}

TEST_F(NodeTest, a_second_daemon_on_the_same_folder_is_refused) {
  LatticeConfig config;
  config.data_dir = folder_.file("data");
  const auto second = host_->join(config);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), Errc::unavailable) << second.error().to_string();
}

TEST_F(NodeTest, a_stop_command_ends_the_wait) {
  std::thread stopping([&] { EXPECT_TRUE(run(client_->stop_host(member_->host_id(), 1500))); });
  const auto stopped = member_->wait();
  stopping.join();
  EXPECT_EQ(stopped.reason, StopReason::command);
  EXPECT_EQ(stopped.budget, 1500ms);
  member_->stop(100ms);
}

}  // namespace
}  // namespace weft::host
