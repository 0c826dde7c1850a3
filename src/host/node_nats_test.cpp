// SPDX-License-Identifier: Apache-2.0
// A node whose NATS server dies, comes back with and without its data, is not there at the start, or is its own.
#include <gtest/gtest.h>
#include <weft/host.hpp>

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "async/shard_call.hpp"
#include "base/free_port.hpp"
#include "base/temporary_folder.hpp"
#include "bus/nats_bus.hpp"
#include "bus/socket_bus.hpp"
#include "bus/test_wait.hpp"
#include "lattice/control_client.hpp"
#include "lattice/control_fixture.hpp"
#include "support/nats_server.hpp"
#include "web/http1_fixture.hpp"

namespace weft::host {
namespace {

using namespace std::chrono_literals;
using bus::testing_support::eventually;

std::string app(const std::string& name) {
  const char* folder = std::getenv("WEFT_APPS_DIR");
  const std::filesystem::path apps = folder == nullptr ? "build/apps" : folder;
  return "file://" + std::filesystem::absolute(apps / (name + ".wasm")).string();
}

std::string get(std::uint16_t port) {
  web::test::Client client(port);
  client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  const auto answer = client.receive_all();
  const auto body = answer.find("\r\n\r\n");
  return body == std::string::npos ? answer : answer.substr(9, 3) + " " + answer.substr(body + 4);
}

/// Whatever framing the body has.
bool is_hello(const std::string& answer) {
  return answer.starts_with("200 ") && answer.find("hello from C\n") != std::string::npos;
}

wire::Link http_link(const std::string& source, const std::string& target) {
  wire::Link link;
  link.source_id = source;
  link.target = target;
  link.name = "default";
  link.wit_namespace = "wasi";
  link.wit_package = "http";
  link.interfaces = {"incoming-handler"};
  return link;
}

/// One host with a data folder of its own.
class Daemon {
 public:
  explicit Daemon(std::string folder) : folder_(std::move(folder)) {}
  ~Daemon() { down(); }
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  Result<void> up(LatticeConfig config) {
    HostConfig host_config;
    host_config.shards = 2;
    host_config.cache_dir = folder_ + "-cache";
    WEFT_TRY(host_, Host::create(std::move(host_config)));
    config.data_dir = folder_;
    config.control_socket = folder_ + "/control.sock";
    config.allow_file_load = true;
    WEFT_TRY(member_, host_->join(config));
    return {};
  }
  void down() {
    if (member_) {
      member_->stop(2s);
    }
    member_.reset();
    host_.reset();
  }
  LatticeMember& operator*() { return *member_; }
  [[nodiscard]] const std::string& id() const { return member_->host_id(); }
  [[nodiscard]] std::string socket() const { return folder_ + "/control.sock"; }
  [[nodiscard]] const std::string& folder() const { return folder_; }

 private:
  std::string folder_;
  std::unique_ptr<Host> host_;
  std::unique_ptr<LatticeMember> member_;
};

class NodeNatsTest : public testing::Test {
 protected:
  void SetUp() override {
    shard_.start();
    server_ = test::NatsServer::start();
    if (!server_) GTEST_SKIP() << test::NatsServer::why_not();
  }
  void TearDown() override {
    client_.reset();
    bus_.reset();
    one_.down();
    two_.down();
    shard_.stop();
  }

  template <class T>
  Result<T> run(async::Task<T> task) {
    return async::run_on_shard_and_wait(shard_, std::move(task));
  }
  [[nodiscard]] LatticeConfig config() const {
    LatticeConfig config;
    config.nats = NatsConfig{};
    config.nats->urls = {server_->url()};
    return config;
  }
  void up(Daemon& daemon) {
    const auto begun = daemon.up(config());
    ASSERT_TRUE(begun) << begun.error().to_string();
  }
  /// A client elsewhere in the lattice.
  void connect(const std::string& url, std::chrono::milliseconds reconnect = 100ms) {
    bus::NatsOptions options;
    options.urls = {url};
    options.reconnect_first = reconnect;
    options.reconnect_most = reconnect;
    auto bus = bus::NatsBus::connect(options);
    ASSERT_TRUE(bus) << bus.error().to_string();
    use(*std::move(bus));
  }
  /// A client of one daemon's socket.
  void connect(const Daemon& daemon) {
    auto bus = run(bus::SocketBus::connect(shard_, daemon.socket(), 5s));
    ASSERT_TRUE(bus) << bus.error().to_string();
    use(*std::move(bus));
  }
  void use(std::unique_ptr<bus::Bus> bus) {
    client_.reset();
    bus_ = std::move(bus);
    client_ = std::make_unique<lattice::ControlClient>(
        *bus_, shard_, wire::ControlRoot{}, lattice::ControlClient::Timeouts{.request = 10s, .gather = 300ms});
  }

  Result<lattice::Accepted> scale(const Daemon& daemon, const std::string& id, std::uint32_t count) {
    wire::ScaleComponent command;
    command.component_id = id;
    command.component_ref = app("hello-c");
    command.count = count;
    command.host_id = daemon.id();
    return run(client_->scale(command));
  }
  bool runs(const Daemon& daemon, const std::string& id) {
    const auto inventory = run(client_->inventory(daemon.id()));
    return inventory && std::ranges::any_of(inventory->components, [&](const auto& one) { return one.id == id; });
  }
  /// hello behind http-server, on the port it gives.
  std::uint16_t serve_hello(const Daemon& daemon) {
    const auto port = testing_support::free_port();
    EXPECT_TRUE(run(client_->put_config("web", {{"default_address", "127.0.0.1:" + std::to_string(port)}})));
    EXPECT_TRUE(run(client_->start_provider({.provider_id = "web",
                                             .provider_ref = "wasmcloud+builtin://http-server",
                                             .host_id = daemon.id(),
                                             .config = {"web"},
                                             .annotations = {}})));
    EXPECT_TRUE(scale(daemon, "hello", 5));
    const auto linked = run(client_->put_link(http_link("web", "hello")));
    EXPECT_TRUE(linked) << linked.error().to_string();
    EXPECT_TRUE(eventually([&] { return is_hello(get(port)); })) << get(port);
    return port;
  }
  bool has_link(const std::string& source) {
    const auto links = run(client_->links());
    return links && std::ranges::any_of(*links, [&](const auto& link) { return link.source_id == source; });
  }

  testing_support::TemporaryFolder folder_;
  async::Shard shard_{99};
  std::unique_ptr<test::NatsServer> server_;
  std::unique_ptr<bus::Bus> bus_;
  std::unique_ptr<lattice::ControlClient> client_;
  Daemon one_{folder_.file("one")};
  Daemon two_{folder_.file("two")};
};

TEST_F(NodeNatsTest, http_goes_on_while_the_server_is_dead_and_later_links_are_seen) {
  up(one_);
  connect(server_->url());
  const auto port = serve_hello(one_);
  std::atomic<bool> ended = false;
  std::atomic<int> answered = 0;
  std::atomic<int> failed = 0;
  std::string first_failure;
  std::thread visitor([&] {
    while (!ended) {
      const auto answer = get(port);
      ++(is_hello(answer) ? answered : failed);
      if (!is_hello(answer) && first_failure.empty()) {
        first_failure = answer;
      }
    }
  });
  server_->kill();
  const int before = answered;
  EXPECT_TRUE(eventually([&] { return answered > before + 200; }));

  // What concerns this host alone goes on at its socket; what would change the lattice is refused with the reason.
  const auto lattice = std::exchange(bus_, nullptr);
  connect(one_);
  EXPECT_TRUE(run(client_->ask(one_.id(), "tree", "", 5s)));
  EXPECT_TRUE(scale(one_, "extra", 1));
  EXPECT_TRUE(eventually([&] { return runs(one_, "extra"); }));
  EXPECT_EQ(run(client_->hosts())->size(), 1U);
  const auto refused = run(client_->put_link(http_link("other", "hello")));
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message().find("NATS server does not answer"), std::string::npos)
      << refused.error().to_string();

  ASSERT_TRUE(server_->start_again(test::Data::keep));
  connect(server_->url());
  const auto bucket = run(bus_->open_bucket("LATTICEDATA_default"));
  ASSERT_TRUE(bucket) << bucket.error().to_string();
  ASSERT_TRUE(
      run((*bucket)->put("COMPONENT_later", wire::encode(wire::ComponentSpec{{}, {http_link("later", "hello")}}))));
  const auto written = std::chrono::steady_clock::now();
  const auto second = std::exchange(bus_, nullptr);
  connect(one_);
  EXPECT_TRUE(eventually([&] { return has_link("later"); }));
  EXPECT_LT(std::chrono::steady_clock::now() - written, 2s);
  ended = true;
  visitor.join();
  EXPECT_EQ(failed, 0) << first_failure;
}

TEST_F(NodeNatsTest, what_a_server_has_lost_is_put_back_and_nothing_stops) {
  up(one_);
  connect(server_->url());
  const auto port = serve_hello(one_);
  server_->kill();
  ASSERT_TRUE(server_->start_again(test::Data::lose));
  connect(server_->url());
  EXPECT_TRUE(eventually([&] {
    const auto bucket = run(bus_->open_bucket("LATTICEDATA_default"));
    const auto entry =
        bucket ? run((*bucket)->get("COMPONENT_web")) : Result<std::optional<bus::Entry>>(bucket.error());
    return entry && entry->has_value() && (*entry)->value.find("hello") != std::string::npos;
  }));
  EXPECT_TRUE(eventually([&] {
    const auto bucket = run(bus_->open_bucket("CONFIGDATA_default"));
    const auto entry = bucket ? run((*bucket)->get("web")) : Result<std::optional<bus::Entry>>(bucket.error());
    return entry && entry->has_value();
  }));
  EXPECT_TRUE(is_hello(get(port)));
  EXPECT_TRUE(runs(one_, "hello"));
}

TEST_F(NodeNatsTest, a_host_that_was_here_before_starts_without_its_server_and_joins_later) {
  up(one_);
  connect(server_->url());
  const auto port = serve_hello(one_);
  one_.down();
  client_.reset();
  bus_.reset();
  server_->kill();
  const auto begin = std::chrono::steady_clock::now();
  up(one_);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
  EXPECT_TRUE(eventually([&] { return is_hello(get(port)); })) << get(port);
  ASSERT_TRUE(server_->start_again(test::Data::lose));
  connect(server_->url());
  EXPECT_TRUE(eventually([&] { return run(client_->hosts())->size() == 1; }));
  EXPECT_TRUE(eventually([&] { return has_link("web"); })) << "what the host kept is the lattice's again";
  EXPECT_TRUE(is_hello(get(port)));
}

TEST_F(NodeNatsTest, a_host_that_was_never_here_does_not_start_without_a_server) {
  server_->kill();
  const auto refused = one_.up(config());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Errc::unavailable);
  EXPECT_NE(refused.error().message().find("no NATS server answers"), std::string::npos);
  auto waiting = config();
  waiting.nats->wait_for_server = true;
  const auto begun = two_.up(waiting);
  ASSERT_TRUE(begun) << begun.error().to_string();
  ASSERT_TRUE(server_->start_again(test::Data::keep));
  connect(server_->url());
  EXPECT_TRUE(eventually([&] { return run(client_->hosts())->size() == 1; }));
}

TEST_F(NodeNatsTest, two_hosts_keep_all_links_and_carry_out_their_own_commands_alone) {
  up(one_);
  up(two_);
  connect(server_->url());
  EXPECT_TRUE(eventually([&] { return run(client_->hosts())->size() == 2; }));
  constexpr int kLinks = 20;
  const auto put_some = [&](const Daemon& daemon, const std::string& prefix) {
    async::Shard shard(98);
    shard.start();
    {
      auto bus = async::run_on_shard_and_wait(shard, bus::SocketBus::connect(shard, daemon.socket(), 5s));
      ASSERT_TRUE(bus);
      lattice::ControlClient client(**bus, shard, wire::ControlRoot{}, {.request = 10s, .gather = 300ms});
      for (int index = 0; index < kLinks; ++index) {
        auto link = http_link("source", prefix + std::to_string(index));
        link.name = link.target;
        const auto put = async::run_on_shard_and_wait(shard, client.put_link(link));
        EXPECT_TRUE(put) << put.error().to_string();
      }
    }
    shard.stop();
  };
  std::thread left([&] { put_some(one_, "a"); });
  std::thread right([&] { put_some(two_, "b"); });
  left.join();
  right.join();
  EXPECT_TRUE(eventually([&] { return run(client_->links())->size() == 2U * kLinks; }));

  ASSERT_TRUE(scale(one_, "hello", 1));
  ASSERT_TRUE(eventually([&] { return runs(one_, "hello"); }));
  ASSERT_TRUE(scale(two_, "hello", 3));
  ASSERT_TRUE(eventually([&] { return runs(two_, "hello"); }));
  ASSERT_TRUE(scale(two_, "hello", 0));
  ASSERT_TRUE(eventually([&] { return !runs(two_, "hello"); }));
  EXPECT_TRUE(runs(one_, "hello"));
}

TEST_F(NodeNatsTest, a_host_that_stops_says_so_also_when_that_takes_a_reconnect) {
  // Back long before the host is.
  connect(server_->url(), 2ms);
  lattice::EventLog events;
  auto subscription = *client_->on_event([&](const wire::Event& event) { events.add(event); });
  ASSERT_TRUE(run(bus_->flush(5s)));
  up(one_);
  events.wait_for("host_started");
  server_->kill();
  std::thread stopping([&] { (*one_).stop(10s); });
  EXPECT_TRUE(server_->start_again(test::Data::keep));
  stopping.join();
  EXPECT_EQ(events.wait_for("host_stopped").source, one_.id());
  bus::testing_support::on_shard(shard_, [&] { subscription.reset(); });
}

TEST_F(NodeNatsTest, a_server_of_its_own_comes_back_with_its_data) {
  LatticeConfig own;
  own.lattice = "own";
  own.nats_server = NatsServerConfig{};
  // Another server may be there on the usual port of this machine: the kept port is what counts.
  std::filesystem::create_directories(one_.folder() + "/nats");
  std::ofstream(one_.folder() + "/nats/port") << testing_support::free_port() << '\n';
  const auto begun = one_.up(own);
  ASSERT_TRUE(begun) << begun.error().to_string();
  const auto url = (*one_).bus_url();
  const auto put = [&](const std::string& key) {
    const auto bucket = run(bus_->open_bucket("CONFIGDATA_own"));
    return bucket && run((*bucket)->put(key, "{}"));
  };
  connect(url);
  ASSERT_TRUE(put("kept"));
  const auto tree = [&] {
    connect(one_);
    lattice::ControlClient client(*bus_, shard_, {.prefix = "wasmbus.ctl", .lattice = "own"}, {});
    return *run(client.ask(one_.id(), "tree", "", 5s));
  };
  EXPECT_NE(tree().find("\"name\":\"nats-server\""), std::string::npos);

  // It is ours alone that has this configuration.
  const auto pid = [&]() -> pid_t {
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
      std::ifstream file(entry.path() / "cmdline");
      std::string line;
      std::getline(file, line);  // nothing of a process that has just ended
      if (line.find(one_.folder() + "/nats/server.conf") != std::string::npos) {
        return std::atoi(entry.path().filename().c_str());
      }
    }
    return -1;
  };
  const auto first = pid();
  ASSERT_GT(first, 1);
  ::kill(first, SIGKILL);
  EXPECT_TRUE(eventually([&] { return pid() > 1 && pid() != first; }));
  EXPECT_TRUE(eventually([&] {
    bus::NatsOptions options;
    options.urls = {url};
    return bus::NatsBus::connect(std::move(options)).has_value();
  }));
  connect(url);
  const auto bucket = run(bus_->open_bucket("CONFIGDATA_own"));
  ASSERT_TRUE(bucket) << bucket.error().to_string();
  const auto kept = run((*bucket)->get("kept"));
  EXPECT_TRUE(kept && kept->has_value());
  client_.reset();
  bus_.reset();
  one_.down();
  EXPECT_EQ(pid(), -1) << "it ends with its host";
}

}  // namespace
}  // namespace weft::host
