// SPDX-License-Identifier: Apache-2.0
/// For tests: a control server with a host that only writes down what it is told, on a bus in memory.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "async/shard_call.hpp"
#include "bus/memory_bus.hpp"
#include "lattice/control_client.hpp"
#include "lattice/control_server.hpp"

namespace weft::lattice {

inline constexpr auto kHostId = "NCPKIRYRASZ7NB7FMEXEYYAU5FIHB7N3WZSUISJCS7NMWQTYVD6PPK5V";

class FakeHost final : public HostCommands {
 public:
  explicit FakeHost(Operations& operations) : operations_(operations) {}

  wire::HostPing ping() override {
    return {.id = kHostId,
            .friendly_name = "quiet-harbor-0412",
            .labels = labels_,
            .lattice = "test",
            .uptime_seconds = 141,
            .uptime_human = "2m 21s",
            .version = "1.2.3",
            .ctl_host = "memory:",
            .rpc_host = "memory:",
            .js_domain = {}};
  }
  wire::HostInventory inventory() override {
    wire::HostInventory inventory;
    inventory.host_id = kHostId;
    inventory.friendly_name = "quiet-harbor-0412";
    inventory.labels = labels_;
    inventory.version = "1.2.3";
    inventory.uptime_human = "2m 21s";
    inventory.uptime_seconds = 141;
    inventory.components = components;
    inventory.providers = providers;
    return inventory;
  }
  const wire::StringMap& labels() override { return labels_; }
  [[nodiscard]] bool runs_component(const std::string& id) const override { return id == "runs"; }
  /// Set before the commands come; read on the control shard.
  std::vector<wire::ComponentDescription> components;
  std::vector<wire::ProviderDescription> providers;
  std::map<std::string, std::string> answers;  ///< to questions; the others are echoed

  [[nodiscard]] bool runs_provider(const std::string& id) const override { return id == "runs"; }
  async::Task<std::string> scale(wire::ScaleComponent command, std::string id) override {
    operations_.done(id, "serves");
    said.push_back("scale " + command.component_id + " " + std::to_string(command.count));
    scaled.push_back(std::move(command));
    co_return std::string();
  }
  async::Task<std::string> update(wire::UpdateComponent command, std::string id) override {
    if (command.component_id == "updatable") {
      operations_.done(id, "updated");
      said.push_back("update " + command.component_id + " " + command.new_component_ref);
      co_return std::string("updating");
    }
    co_return Error(Errc::not_found, "component " + command.component_id + " not found");
  }
  async::Task<std::string> start_provider(wire::StartProvider command, std::string id) override {
    said.push_back("start " + command.provider_id);
    if (command.provider_id == "good") {
      operations_.done(id, "runs");
      started.push_back(std::move(command));
      co_return std::string("successfully started provider");
    }
    operations_.failed(id, Error(Errc::not_found, "no such provider"));
    co_return std::string("successfully started provider");
  }
  async::Task<std::string> stop_provider(wire::StopProvider command, std::string id) override {
    said.push_back("stop " + command.provider_id);
    operations_.done(id, "stopped");
    co_return std::string("successfully stopped provider");
  }
  void put_label(const wire::Label& label) override { labels_[label.key] = label.value; }
  bool delete_label(const std::string& key) override { return labels_.erase(key) != 0; }
  boost::asio::awaitable<void> settle() override { co_return; }
  void stop_host(std::optional<std::uint64_t> timeout_ms) override {
    said.push_back("stop host " + std::to_string(timeout_ms.value_or(0)));
    if (on_stop) on_stop();
  }
  void put_registries(wire::RegistryCredentials credentials) override {
    said.push_back("registries " + std::to_string(credentials.size()));
  }
  async::Task<std::string> ask(std::string question, std::string body) override {
    if (question == "ops") co_return encode(operations_.list(Operations::kKept));
    if (question == "ops-wait") {
      WEFT_CO_TRY(const auto wanted, decode_operation(body));
      WEFT_CO_TRY(const auto operation, co_await operations_.wait(wanted.id, std::chrono::seconds(5)));
      co_return encode(operation);
    }
    if (const auto found = answers.find(question); found != answers.end()) co_return found->second;
    co_return "{\"" + question + "\":" + (body.empty() ? "null" : body) + "}";
  }

  std::vector<std::string> said;
  std::vector<wire::ScaleComponent> scaled;
  std::vector<wire::StartProvider> started;
  std::function<void()> on_stop;

 private:
  Operations& operations_;
  wire::StringMap labels_{{"hostcore.os", "linux"}, {"zone", "b"}};
};

/// Collects events as "name data".
class EventLog {
 public:
  void add(const wire::Event& event) {
    const std::lock_guard lock(mutex_);
    events_.push_back(event);
    changed_.notify_all();
  }
  /// The first event of that name, or a failure after five seconds.
  wire::Event wait_for(std::string_view name) {
    std::unique_lock lock(mutex_);
    auto found = events_.end();
    changed_.wait_for(lock, std::chrono::seconds(5), [&] {
      found = std::ranges::find(events_, name, &wire::Event::name);
      return found != events_.end();
    });
    if (found == events_.end()) {
      ADD_FAILURE() << "no event " << name;
      return {};
    }
    return *found;
  }
  std::size_t count(std::string_view name) {
    const std::lock_guard lock(mutex_);
    return static_cast<std::size_t>(std::ranges::count(events_, name, &wire::Event::name));
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<wire::Event> events_;
};

class NoListener final : public LatticeListener {
 public:
  void on_links(const std::string& source, const std::vector<wire::Link>& /*before*/,
                const std::vector<wire::Link>& now) override {
    told.push_back(source + " " + std::to_string(now.size()));
  }
  void on_config(const std::string& name) override { told.push_back(name); }
  std::vector<std::string> told;
};

class ControlTest : public testing::Test {
 protected:
  ControlTest() {
    shard.start();
    client_shard.start();
    (void)run(boot());
    subscription = *client.on_event([this](const wire::Event& event) { events.add(event); });
  }
  ~ControlTest() override {
    (void)async::run_on_shard_and_wait(shard, close());
    client_shard.stop();
    shard.stop();
  }

  template <class T>
  Result<T> run(async::Task<T> task) {
    return async::run_on_shard_and_wait(shard, std::move(task));
  }
  /// A client's task.
  template <class T>
  Result<T> ask(async::Task<T> task) {
    return async::run_on_shard_and_wait(client_shard, std::move(task));
  }
  /// One raw request; the reply as JSON text.
  std::string raw(const std::string& subject, const std::string& body) {
    const auto answer =
        ask(bus.request({.subject = subject, .reply = {}, .headers = {}, .payload = body}, std::chrono::seconds(5)));
    return answer ? answer->payload : answer.error().to_string();
  }

  async::Task<void> boot() {
    WEFT_CO_TRY(auto data, co_await bus.open_bucket("LATTICEDATA_test"));
    WEFT_CO_TRY(auto config, co_await bus.open_bucket("CONFIGDATA_test"));
    store = std::make_unique<LatticeStore>(shard, data, config);
    server = std::make_unique<ControlServer>(bus, shard, ControlServerConfig{.root = root, .host_id = kHostId}, *store,
                                             publisher, operations, host);
    WEFT_CO_CHECK(co_await server->subscribe());
    WEFT_CO_CHECK(co_await store->start(listener, std::chrono::seconds(5)));
    server->serve();
    co_return Result<void>();
  }
  async::Task<void> close() {
    co_await server->close();
    co_await store->close();
    server.reset();
    store.reset();
    co_return Result<void>();
  }

  async::Shard shard{0};
  async::Shard client_shard{1};
  bus::MemoryBus bus;
  wire::ControlRoot root{.prefix = "wasmbus.ctl", .lattice = "test"};
  int ids = 0;
  Operations operations{shard, [this] { return "op-" + std::to_string(++ids); }, [] { return std::string("now"); }};
  EventPublisher publisher{bus,
                           "test",
                           kHostId,
                           {.id = [] { return std::string("0199c1de-5a7b-0c4e-9d21-6f0b8f1f3a55"); },
                            .time = [] { return std::string("2026-02-04T19:05:35.120394000Z"); }}};
  FakeHost host{operations};
  NoListener listener;
  std::unique_ptr<LatticeStore> store;
  std::unique_ptr<ControlServer> server;
  ControlClient client{
      bus, client_shard, root, {.request = std::chrono::seconds(5), .gather = std::chrono::milliseconds(300)}};
  EventLog events;
  std::unique_ptr<bus::Subscription> subscription;
  std::vector<std::unique_ptr<bus::Subscription>> ended;  ///< go after their shard has stopped
};

}  // namespace weft::lattice
