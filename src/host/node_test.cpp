// SPDX-License-Identifier: Apache-2.0
// A node as the lattice sees it: driven by a client on its control socket, real components, real HTTP.
#include <gtest/gtest.h>
#include <weft/host.hpp>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include "async/shard_call.hpp"
#include "bus/socket_bus.hpp"
#include "bus/temporary_folder.hpp"
#include "lattice/control_client.hpp"
#include "lattice/control_fixture.hpp"
#include "lattice/operations.hpp"
#include "web/http1_fixture.hpp"

namespace weft::host {
namespace {

using namespace std::chrono_literals;
using lattice::OperationState;

std::string app(const std::string& name) {
  const char* folder = std::getenv("WEFT_APPS_DIR");
  return "file://" + std::filesystem::absolute(std::string(folder == nullptr ? "build/apps" : folder) + "/" + name + ".wasm").string();
}

lattice::Operation named(const std::string& id) {
  lattice::Operation operation;
  operation.id = id;
  return operation;
}

/// A port that nobody listens on. Somebody could take it before the server does; nobody on a test machine does.
std::uint16_t free_port() {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  EXPECT_EQ(::bind(socket, reinterpret_cast<sockaddr*>(&address), length), 0);
  EXPECT_EQ(::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &length), 0);
  ::close(socket);
  return ntohs(address.sin_port);
}

/// A daemon and a client of it.
class NodeTest : public testing::Test {
 protected:
  void SetUp() override {
    client_shard_.start();
    up();
  }
  void TearDown() override {
    down();
    client_shard_.stop();
  }

  void up() {
    HostConfig host_config;
    host_config.shards = 2;
    host_config.cache_dir = folder_.file("cache");
    auto host = Host::create(std::move(host_config));
    ASSERT_TRUE(host) << host.error().to_string();
    host_ = *std::move(host);
    LatticeConfig config;
    config.data_dir = folder_.file("data");
    config.control_socket = folder_.file("data/control.sock");
    config.allow_file_load = true;
    auto member = host_->join(config);
    ASSERT_TRUE(member) << member.error().to_string();
    member_ = *std::move(member);
    auto bus = run(bus::SocketBus::connect(client_shard_, config.control_socket, 5s));
    ASSERT_TRUE(bus) << bus.error().to_string();
    bus_ = *std::move(bus);
    client_ = std::make_unique<lattice::ControlClient>(
        *bus_, client_shard_, wire::ControlRoot{},
        lattice::ControlClient::Timeouts{.request = 10s, .gather = 200ms});
    events_ = std::make_unique<lattice::EventLog>();
    subscription_ = *client_->on_event([log = events_.get()](const wire::Event& event) { log->add(event); });
    ASSERT_TRUE(run(bus_->flush(5s)));
  }
  void down() {
    (void)run(drop_subscription());
    client_.reset();
    bus_.reset();
    if (member_) {
      member_->stop(2s);
    }
    member_.reset();
    host_.reset();
  }
  async::Task<void> drop_subscription() {
    subscription_.reset();
    co_return Result<void>();
  }

  template <class T>
  Result<T> run(async::Task<T> task) {
    return async::run_on_shard_and_wait(client_shard_, std::move(task));
  }

  /// How an accepted command ended.
  lattice::Operation outcome(const Result<lattice::Accepted>& accepted) {
    EXPECT_TRUE(accepted) << accepted.error().to_string();
    if (!accepted) {
      return {};
    }
    EXPECT_FALSE(accepted->operation.empty());
    const auto answer = run(client_->ask(member_->host_id(), "ops-wait",
                                         lattice::encode(named(accepted->operation)), 40s));
    EXPECT_TRUE(answer) << answer.error().to_string();
    return answer ? *lattice::decode_operation(*answer) : lattice::Operation{};
  }

  wire::ScaleComponent scale(const std::string& id, const std::string& ref, std::uint32_t count) {
    wire::ScaleComponent command;
    command.component_id = id;
    command.component_ref = ref;
    command.count = count;
    command.host_id = member_->host_id();
    return command;
  }
  void start(const std::string& id, const std::string& name) {
    const auto ended = outcome(run(client_->scale(scale(id, app(name), 10))));
    ASSERT_EQ(ended.state, OperationState::done) << ended.message;
  }
  void link(const std::string& source, const std::string& target, const std::string& package,
            std::vector<std::string> interfaces, const std::string& name = "default") {
    wire::Link link;
    link.source_id = source;
    link.target = target;
    link.name = name;
    link.wit_namespace = package.substr(0, package.find(':'));
    link.wit_package = package.substr(package.find(':') + 1);
    link.interfaces = std::move(interfaces);
    const auto put = run(client_->put_link(link));
    ASSERT_TRUE(put) << put.error().to_string();
  }
  /// http-server under the id "web" on a free port, which it gives.
  std::uint16_t start_web() {
    const auto port = free_port();
    EXPECT_TRUE(run(client_->put_config("web", {{"default_address", "127.0.0.1:" + std::to_string(port)}})));
    const auto ended = outcome(run(client_->start_provider({.provider_id = "web",
                                                            .provider_ref = "wasmcloud+builtin://http-server",
                                                            .host_id = member_->host_id(),
                                                            .config = {"web"},
                                                            .annotations = {}})));
    EXPECT_EQ(ended.state, OperationState::done) << ended.message;
    return port;
  }
  static std::string get(std::uint16_t port, const std::string& target = "/") {
    web::test::Client client(port);
    client.send("GET " + target + " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    const auto answer = client.receive_all();
    const auto body = answer.find("\r\n\r\n");
    return body == std::string::npos ? answer : answer.substr(9, 3) + " " + answer.substr(body + 4);
  }

  bus::testing_support::TemporaryFolder folder_;
  async::Shard client_shard_{99};
  std::unique_ptr<Host> host_;
  std::unique_ptr<LatticeMember> member_;
  std::unique_ptr<bus::SocketBus> bus_;
  std::unique_ptr<lattice::ControlClient> client_;
  std::unique_ptr<lattice::EventLog> events_;
  std::unique_ptr<bus::Subscription> subscription_;
};

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
  std::string answer;
  for (const auto deadline = std::chrono::steady_clock::now() + 10s; std::chrono::steady_clock::now() < deadline;) {
    answer = get(port);
    if (answer == "200 hello from C\n") {
      break;
    }
  }
  EXPECT_EQ(answer, "200 hello from C\n");
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
  for (const char* part : {"\"name\":\"host\"", "\"name\":\"components\"", "\"name\":\"hello\"", "\"kind\":\"component\"",
                           "\"name\":\"shard-1\"", "\"state\":\"ready\""}) {
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
