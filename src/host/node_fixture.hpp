// SPDX-License-Identifier: Apache-2.0
/// For tests: a node as the lattice sees it, driven by a client on its control socket, with real components and real
/// HTTP.
#pragma once

#include <gtest/gtest.h>
#include <weft/host.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include "async/shard_call.hpp"
#include "base/free_port.hpp"
#include "base/temporary_folder.hpp"
#include "bus/socket_bus.hpp"
#include "bus/test_wait.hpp"
#include "lattice/control_client.hpp"
#include "lattice/control_fixture.hpp"
#include "lattice/operations.hpp"
#include "web/http1_fixture.hpp"

namespace weft::host::test {

using namespace std::chrono_literals;
using lattice::OperationState;

inline std::string app(const std::string& name) {
  const char* folder = std::getenv("WEFT_APPS_DIR");
  return "file://" +
         std::filesystem::absolute(std::string(folder == nullptr ? "build/apps" : folder) + "/" + name + ".wasm")
             .string();
}

inline lattice::Operation named(const std::string& id) {
  lattice::Operation operation;
  operation.id = id;
  return operation;
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
    change(config);
    auto member = host_->join(config);
    ASSERT_TRUE(member) << member.error().to_string();
    member_ = *std::move(member);
    auto bus = run(bus::SocketBus::connect(client_shard_, config.control_socket, 5s));
    ASSERT_TRUE(bus) << bus.error().to_string();
    bus_ = *std::move(bus);
    client_ = std::make_unique<lattice::ControlClient>(
        *bus_, client_shard_, wire::ControlRoot{}, lattice::ControlClient::Timeouts{.request = 10s, .gather = 200ms});
    events_ = std::make_unique<lattice::EventLog>();
    subscription_ = *client_->on_event([log = events_.get()](const wire::Event& event) { log->add(event); });
    ASSERT_TRUE(run(bus_->flush(5s)));
  }
  /// What a test has otherwise than the rest.
  virtual void change(LatticeConfig& /*config*/) {}

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
    const auto answer =
        run(client_->ask(member_->host_id(), "ops-wait", lattice::encode(named(accepted->operation)), 40s));
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
    const auto port = testing_support::free_port();
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
    // An answer to HTTP/1.0 comes without chunks, whatever the server knows of its length by then.
    client.send("GET " + target + " HTTP/1.0\r\nHost: a\r\n\r\n");
    const auto answer = client.receive_all();
    const auto body = answer.find("\r\n\r\n");
    return body == std::string::npos ? answer : answer.substr(9, 3) + " " + answer.substr(body + 4);
  }

  testing_support::TemporaryFolder folder_;
  async::Shard client_shard_{99};
  std::unique_ptr<Host> host_;
  std::unique_ptr<LatticeMember> member_;
  std::unique_ptr<bus::SocketBus> bus_;
  std::unique_ptr<lattice::ControlClient> client_;
  std::unique_ptr<lattice::EventLog> events_;
  std::unique_ptr<bus::Subscription> subscription_;
};

}  // namespace weft::host::test
