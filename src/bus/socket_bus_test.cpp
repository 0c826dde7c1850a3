// SPDX-License-Identifier: Apache-2.0
#include "bus/socket_bus.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <fstream>

#include "base/temporary_folder.hpp"
#include "bus/bus_suite.hpp"
#include "bus/memory_bus.hpp"
#include "bus/socket_frame.hpp"
#include "bus/socket_path.hpp"
#include "bus/socket_server.hpp"

namespace weft::bus {
namespace {

using weft::testing_support::TemporaryFolder;

/// A bus in memory with a socket, on a shard of its own.
class Daemon {
 public:
  explicit Daemon(SocketServerOptions options = {}) {
    shard_.start();
    options.path = path();
    auto server = SocketServer::listen(shard_, bus_, std::move(options));
    EXPECT_TRUE(server) << server.error().to_string();
    if (server) server_ = *std::move(server);
  }
  ~Daemon() {
    stop();
    shard_.stop();
  }
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  void stop() {
    if (server_ != nullptr) EXPECT_TRUE(async::run_on_shard_and_wait(shard_, server_->close()));
    on_shard(shard_, [] {});
    server_.reset();
  }
  [[nodiscard]] std::string path() const { return folder_.file("weft.sock"); }
  async::Shard& shard() { return shard_; }
  MemoryBus& bus() { return bus_; }
  std::size_t clients() {
    std::size_t count = 0;
    on_shard(shard_, [&] { count = server_->clients(); });
    return count;
  }

 private:
  TemporaryFolder folder_;
  MemoryBus bus_;
  async::Shard shard_{7};
  std::unique_ptr<SocketServer> server_;
};

std::unique_ptr<SocketBus> connect(async::Shard& shard, const std::string& path) {
  auto bus = async::run_on_shard_and_wait(shard, SocketBus::connect(shard, path, 10s));
  EXPECT_TRUE(bus) << bus.error().to_string();
  return bus ? *std::move(bus) : nullptr;
}

class SocketBusUnderTest final : public BusUnderTest {
 public:
  explicit SocketBusUnderTest(async::Shard& shard)
      : bus_(connect(shard, daemon_.path())), peer_(connect(shard, daemon_.path())) {}
  Bus& bus() override { return *bus_; }
  Bus& peer() override { return *peer_; }

 private:
  Daemon daemon_;
  std::unique_ptr<SocketBus> bus_;
  std::unique_ptr<SocketBus> peer_;
};

std::unique_ptr<BusUnderTest> make_socket_bus(async::Shard& shard) {
  return std::make_unique<SocketBusUnderTest>(shard);
}

INSTANTIATE_TEST_SUITE_P(Socket, BusSuite,
                         testing::Values(BusCase{.name = "socket", .make = make_socket_bus, .has_buckets = false}),
                         name_of_case);

/// A client that says what it likes.
class RawClient {
 public:
  explicit RawClient(const std::string& path) : descriptor_(::socket(AF_UNIX, SOCK_STREAM, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    EXPECT_EQ(::connect(descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    const timeval patience{.tv_sec = 20, .tv_usec = 0};
    ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  }
  ~RawClient() { ::close(descriptor_); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  void send(const std::string& bytes) const {
    EXPECT_EQ(::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
  }
  void send(Frame frame) const { send(*encode(frame)); }
  /// Nothing at the end of the stream.
  std::optional<Frame> receive() {
    while (true) {
      auto frame = reader_.next();
      EXPECT_TRUE(frame);
      if (!frame || *frame) return frame ? *frame : std::nullopt;
      char buffer[4096];
      const ssize_t count = ::recv(descriptor_, buffer, sizeof buffer, 0);
      if (count <= 0) return std::nullopt;
      reader_.feed({buffer, static_cast<std::size_t>(count)});
    }
  }

 private:
  int descriptor_;
  FrameReader reader_;
};

class SocketServerTest : public testing::Test {
 protected:
  SocketServerTest() { shard_.start(); }

  async::Shard shard_{0};
};

TEST_F(SocketServerTest, lets_only_its_owner_connect) {
  const Daemon daemon;
  struct stat status{};
  ASSERT_EQ(::stat(daemon.path().c_str(), &status), 0);
  EXPECT_TRUE(S_ISSOCK(status.st_mode));
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

TEST_F(SocketServerTest, removes_its_file_at_the_end) {
  Daemon daemon;
  daemon.stop();
  struct stat status{};
  EXPECT_NE(::stat(daemon.path().c_str(), &status), 0);
}

TEST_F(SocketServerTest, refuses_a_path_on_which_somebody_answers) {
  Daemon daemon;
  MemoryBus bus;
  const auto second = SocketServer::listen(shard_, bus, {.path = daemon.path()});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), Errc::unavailable);
  EXPECT_NE(second.error().message().find(daemon.path()), std::string::npos);
  EXPECT_NE(connect(shard_, daemon.path()), nullptr);
}

TEST_F(SocketServerTest, replaces_a_socket_that_is_left_over) {
  const TemporaryFolder folder;
  const std::string path = folder.file("weft.sock");
  auto left_over = listen_on(path);
  ASSERT_TRUE(left_over);
  ::close(left_over->descriptor);
  auto again = listen_on(path);
  ASSERT_TRUE(again) << again.error().to_string();
  auto client = connect_to(path);
  EXPECT_TRUE(client);
  if (client) ::close(*client);
  ::close(again->descriptor);
}

TEST_F(SocketServerTest, removes_no_file_that_took_its_place) {
  const TemporaryFolder folder;
  const std::string path = folder.file("weft.sock");
  auto first = listen_on(path);
  ASSERT_TRUE(first);
  ASSERT_EQ(::unlink(path.c_str()), 0);
  auto second = listen_on(path);
  ASSERT_TRUE(second);
  remove_socket_file(path, *first);
  EXPECT_EQ(::access(path.c_str(), F_OK), 0);
  remove_socket_file(path, *second);
  EXPECT_NE(::access(path.c_str(), F_OK), 0);
  ::close(first->descriptor);
  ::close(second->descriptor);
}

TEST_F(SocketServerTest, leaves_a_file_alone_that_is_no_socket) {
  const TemporaryFolder folder;
  const std::string path = folder.file("weft.sock");
  std::ofstream(path) << "precious";
  const auto listening = listen_on(path);
  ASSERT_FALSE(listening);
  EXPECT_EQ(listening.error().code(), Errc::already_exists);
  std::string text;
  std::ifstream(path) >> text;
  EXPECT_EQ(text, "precious");
}

TEST_F(SocketServerTest, names_a_path_that_is_too_long_or_silent) {
  const auto long_path = listen_on("/" + std::string(200, 'x'));
  ASSERT_FALSE(long_path);
  EXPECT_EQ(long_path.error().code(), Errc::invalid_argument);
  const TemporaryFolder folder;
  const auto silent = async::run_on_shard_and_wait(shard_, SocketBus::connect(shard_, folder.file("none"), 1s));
  ASSERT_FALSE(silent);
  EXPECT_EQ(silent.error().code(), Errc::unavailable);
}

TEST_F(SocketServerTest, joins_its_clients_with_the_bus_of_its_process) {
  Daemon daemon;
  const auto client = connect(shard_, daemon.path());
  Collected<std::string> got;
  auto local =
      daemon.bus().subscribe(daemon.shard(), "up", {}, [&](const Message& message) { got.add(message.payload); });
  ASSERT_TRUE(local);
  ASSERT_TRUE(client->publish({.subject = "up", .reply = {}, .headers = {}, .payload = "hello"}));
  EXPECT_THAT(got.wait_for(1), testing::ElementsAre("hello"));
  on_shard(daemon.shard(), [&] { local->reset(); });
}

TEST_F(SocketServerTest, forgets_a_client_that_has_gone) {
  Daemon daemon;
  auto client = connect(shard_, daemon.path());
  auto subscription = client->subscribe(shard_, "a", {}, [](const Message&) {});
  ASSERT_TRUE(subscription);
  ASSERT_TRUE(async::run_on_shard_and_wait(shard_, client->flush(10s)));
  EXPECT_EQ(daemon.clients(), 1U);
  on_shard(shard_, [&] { subscription->reset(); });
  client.reset();
  EXPECT_TRUE(eventually([&] { return daemon.clients() == 0; }));
}

TEST_F(SocketServerTest, tells_its_clients_when_it_goes) {
  Daemon daemon;
  const auto client = connect(shard_, daemon.path());
  Collected<BusState> states;
  auto subscription = client->on_state(shard_, [&](BusState state) { states.add(state); });
  states.wait_for(1);
  daemon.stop();
  EXPECT_THAT(states.wait_for(2), testing::ElementsAre(BusState::connected, BusState::disconnected));
  const auto outcome = client->publish({.subject = "a", .reply = {}, .headers = {}, .payload = {}});
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code(), Errc::unavailable);
  on_shard(shard_, [&] { subscription.reset(); });
}

TEST_F(SocketServerTest, cuts_off_a_client_that_does_not_read) {
  Daemon daemon({.path = {}, .max_waiting_bytes = std::size_t{1} << 20});
  const RawClient deaf(daemon.path());
  deaf.send({.type = FrameType::connect, .number = kSocketProtocol, .text = {}, .message = {}});
  deaf.send({.type = FrameType::subscribe,
             .number = 1,
             .text = {},
             .message = {.subject = "noise", .reply = {}, .headers = {}, .payload = {}}});
  EXPECT_TRUE(eventually([&] {
    EXPECT_TRUE(
        daemon.bus().publish({.subject = "noise", .reply = {}, .headers = {}, .payload = std::string(100'000, 'x')}));
    return daemon.clients() == 0;
  }));
  EXPECT_NE(connect(shard_, daemon.path()), nullptr);
}

TEST_F(SocketServerTest, tells_a_client_of_another_version) {
  const Daemon daemon;
  RawClient client(daemon.path());
  client.send({.type = FrameType::connect, .number = 99, .text = {}, .message = {}});
  const auto frame = client.receive();
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->type, FrameType::failure);
  EXPECT_EQ(frame->code, static_cast<std::uint16_t>(Errc::unsupported));
  EXPECT_FALSE(client.receive());
}

TEST_F(SocketServerTest, cuts_off_what_is_no_client) {
  Daemon daemon;
  const std::string connect_frame =
      *encode({.type = FrameType::connect, .number = kSocketProtocol, .text = {}, .message = {}});
  const std::string bad_publish = *encode({.type = FrameType::publish,
                                           .text = {},
                                           .message = {.subject = "a b", .reply = {}, .headers = {}, .payload = {}}});
  for (const std::string& bytes : {std::string("GET / HTTP/1.1\r\n\r\n"), bad_publish, connect_frame + bad_publish,
                                   connect_frame + connect_frame}) {
    RawClient client(daemon.path());
    client.send(bytes);
    while (client.receive()) {
    }
  }
  EXPECT_TRUE(eventually([&] { return daemon.clients() == 0; }));
}

TEST_F(SocketServerTest, takes_only_so_many_clients) {
  Daemon daemon({.path = {}, .max_clients = 1});
  const auto first = connect(shard_, daemon.path());
  const auto second = async::run_on_shard_and_wait(shard_, SocketBus::connect(shard_, daemon.path(), 10s));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), Errc::unavailable);
}

}  // namespace
}  // namespace weft::bus
