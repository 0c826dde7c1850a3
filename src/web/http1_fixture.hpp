// SPDX-License-Identifier: Apache-2.0
/// For the tests of what a client sees over real loopback sockets and raw bytes: a blocking client, a responder that
/// answers by path, and a server around them.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "async/shard.hpp"
#include "web/server.hpp"

namespace weft::web::test {

using namespace std::chrono_literals;
using namespace std::string_view_literals;

constexpr auto kPatience = 20s;  // sanitizers are slow

/// A blocking client with a deadline on each wait.
class Client {
 public:
  explicit Client(std::uint16_t port, int receive_buffer = 0)
      : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    if (receive_buffer > 0) ::setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof(receive_buffer));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  }
  Client(Client&& other) noexcept
      : socket_(std::exchange(other.socket_, -1)),
        connected_(other.connected_),
        received_(std::move(other.received_)) {}
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  Client& operator=(Client&&) = delete;
  ~Client() { close(); }

  [[nodiscard]] bool is_connected() const { return connected_; }

  /// Sends all; false if the server closed in between.
  bool send(std::string_view bytes) const {
    while (!bytes.empty()) {
      const auto sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  /// Sends what fits without waiting.
  std::size_t send_some(std::string_view bytes) const {
    const auto sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    return sent < 0 ? 0 : static_cast<std::size_t>(sent);
  }

  /// Receives until `done` says so, the server closes (true) or patience ends (false).
  bool receive(const std::function<bool(const std::string&)>& done) {
    const auto end = std::chrono::steady_clock::now() + kPatience;
    std::vector<char> bytes(std::size_t{256} * 1024);
    while (!done(received_)) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
      pollfd wait{.fd = socket_, .events = POLLIN, .revents = 0};
      if (left.count() <= 0 || ::poll(&wait, 1, static_cast<int>(left.count())) <= 0) return false;
      const auto got = ::recv(socket_, bytes.data(), bytes.size(), 0);
      if (got <= 0) {
        closed_ = true;
        was_reset_ = got < 0;
        return true;
      }
      received_.append(bytes.data(), static_cast<std::size_t>(got));
    }
    return true;
  }

  std::string receive_all() {
    EXPECT_TRUE(receive([](const std::string&) { return false; })) << "the server did not close; so far: " << received_;
    return std::exchange(received_, {});
  }

  /// Up to and with `end`.
  std::string receive_until(std::string_view end) {
    EXPECT_TRUE(receive([end](const std::string& text) { return text.contains(end); }))
        << "missing: " << end << "\nso far: " << received_;
    const auto at = received_.find(end);
    if (at == std::string::npos) {
      ADD_FAILURE() << "closed without: " << end << "\ngot: " << received_;
      return std::exchange(received_, {});
    }
    auto text = received_.substr(0, at + end.size());
    received_.erase(0, at + end.size());
    return text;
  }

  /// False: another answer, or none. What was received before is forgotten.
  bool gets_hello() {
    received_.clear();
    const auto is_whole = [](const std::string& text) { return text.ends_with("hello") || text.ends_with(")\n"); };
    return send("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n") && receive(is_whole) &&
           std::exchange(received_, {}).ends_with("\r\n\r\nhello");
  }

  std::string receive_bytes(std::size_t count) {
    EXPECT_TRUE(receive([count](const std::string& text) { return text.size() >= count; }));
    auto text = received_.substr(0, count);
    received_.erase(0, count);
    return text;
  }

  void shutdown_write() const { ::shutdown(socket_, SHUT_WR); }
  void reset() {
    const linger hard{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
    close();
  }
  void close() {
    if (socket_ >= 0) ::close(std::exchange(socket_, -1));
  }
  [[nodiscard]] bool was_reset() const { return was_reset_; }

 private:
  int socket_;
  bool connected_ = false, closed_ = false, was_reset_ = false;
  std::string received_;
};

/// What the shards tell the test.
class Events {
 public:
  void change(const std::function<void(Events&)>& act) {
    const std::lock_guard lock(mutex_);
    act(*this);
    changed_.notify_all();
  }
  [[nodiscard]] bool wait_for(const std::function<bool(const Events&)>& condition) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPatience, [&] { return condition(*this); });
  }

  int started = 0, disconnects = 0, alive = 0;
  std::size_t body_bytes = 0, sent = 0;
  Exchange* waiting = nullptr;  ///< of /wait
  std::vector<std::string> log;

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
};

/// Answers by path.
class TestResponder final : public Responder {
 public:
  TestResponder(Exchange& exchange, Events& events)
      : exchange_(exchange), events_(events), path_(exchange.request().path_and_query) {
    events_.change([](Events& all) { ++all.alive; });
  }
  TestResponder(const TestResponder&) = delete;
  TestResponder& operator=(const TestResponder&) = delete;
  ~TestResponder() override {
    events_.change([](Events& all) { --all.alive; });
  }

  void start() override {
    events_.change([](Events& all) { ++all.started; });
    const auto head = [this](std::vector<Header> headers = {}) {
      ASSERT_TRUE(exchange_.send_head({.status = 200, .headers = std::move(headers)}));
    };
    if (path_ == "/echo" || path_ == "/swallow") {
      if (path_ == "/echo") head();
      exchange_.read_body();
    } else if (path_ == "/swallow-then-head") {
      exchange_.read_body();
    } else if (path_ == "/wait") {
      events_.change([this](Events& all) { all.waiting = &exchange_; });
    } else if (path_ == "/endless") {
      head();
      on_writable();
    } else if (path_ == "/pieces") {
      head();
      send("one,");
    } else if (path_ == "/stash") {
      head();
      send("whole");
      exchange_.finish();
    } else if (path_ == "/trailers") {
      head();
      send("body");
      const std::vector<Header> trailers = {{"X-Sum", "42"}, {"content-length", "3"}, {"x-bad", "a\r\nb"}};
      exchange_.finish(trailers);
    } else if (path_ == "/promise-more") {
      head({{"content-length", "10"}});
      send("12345");
      exchange_.finish();
    } else if (path_ == "/promise-less") {
      head({{"content-length", "5"}});
      send("12345");
    } else if (path_ == "/promise-nothing") {
      head({{"content-length", "0"}});
      send("1");
    } else if (path_ == "/exact") {
      head({{"Content-Length", "5"}});
      send("12345");
    } else if (path_ == "/fail") {
      exchange_.fail(500, "the guest \"trapped\"");
    } else if (path_ == "/fault") {
      exchange_.fault(HttpFault::connection_timeout, "nobody there");
    } else if (path_ == "/fail-after-head") {
      head();
      send("some");
    } else if (path_ == "/fail-after-length") {
      head({{"content-length", "5"}});
      send("1234");
    } else if (path_ == "/bad-head") {
      EXPECT_FALSE(exchange_.send_head({.status = 200, .headers = {{"x", "a\nb"}}}));
      EXPECT_FALSE(exchange_.send_head({.status = 200, .headers = {{"x y", "a"}}}));
      EXPECT_FALSE(exchange_.send_head({.status = 200, .headers = {{"content-length", "x"}}}));
      EXPECT_FALSE(exchange_.send_head({.status = 101, .headers = {}}));
      EXPECT_FALSE(exchange_.send_head({.status = 600, .headers = {}}));
      exchange_.fail(502, "no head that is valid");
    } else if (path_ == "/hop") {
      head({{"Connection", "close"},
            {"Transfer-Encoding", "gzip"},
            {"Upgrade", "x"},
            {"Keep-Alive", "y"},
            {"X-Kept", "z"},
            {"Date", "then"}});
      exchange_.finish();
    } else if (path_ == "/204") {
      ASSERT_TRUE(exchange_.send_head({.status = 204, .headers = {}}));
      exchange_.finish();
    } else if (path_ == "/304") {
      ASSERT_TRUE(exchange_.send_head({.status = 304, .headers = {{"content-length", "77"}}}));
      exchange_.finish();
    } else if (path_ == "/head-only") {
      head({{"content-length", "1234"}});
      exchange_.finish();
    } else if (path_ == "/twice") {
      head();
      EXPECT_FALSE(exchange_.send_head({.status = 500, .headers = {}}));
      send("x");
      exchange_.finish();
      exchange_.finish();
      exchange_.respond(200, {}, "again");
      exchange_.fail(500, "again");
    } else if (path_ == "/seen") {
      std::string text(exchange_.request().authority);
      for (const auto& [name, value] : exchange_.request().headers)
        text.append("|").append(name).append("=").append(value);
      exchange_.respond(200, {}, text);
    } else if (path_ == "/big") {
      exchange_.respond(200, {}, std::string(3'000'000, 'b'));
    } else {
      exchange_.respond(200, {}, "hello");
    }
  }

  void on_body(std::span<const std::byte> piece) override {
    events_.change([&](Events& all) { all.body_bytes += piece.size(); });
    seen_ += piece.size();
    if (path_ == "/echo") return exchange_.send_body(piece);
    exchange_.read_body();
  }

  void on_body_end(std::span<const HeaderView> trailers) override {
    if (path_ == "/echo") return exchange_.finish();
    std::string text = std::to_string(seen_);
    for (const auto& [name, value] : trailers) text.append("|").append(name).append("=").append(value);
    exchange_.respond(200, {}, text);
  }

  void on_writable() override {
    if (path_ == "/echo") return exchange_.read_body();
    if (path_ == "/endless") {
      static const std::string whole_piece(std::size_t{64} * 1024, 'e');
      events_.change([](Events& all) { all.sent += whole_piece.size(); });
      return send(whole_piece);
    }
    if (path_ == "/pieces" && ++seen_ < 3) return send(seen_ == 1 ? "two," : "three");
    if (path_ == "/promise-less") return send("6");
    if (path_ == "/fail-after-head" || path_ == "/fail-after-length") return exchange_.fail(500, "too late");
    exchange_.finish();
  }

  void on_disconnect() override {
    events_.change([this](Events& all) {
      ++all.disconnects;
      if (all.waiting == &exchange_) all.waiting = nullptr;
    });
  }

 private:
  void send(std::string_view text) { exchange_.send_body(std::as_bytes(std::span(text))); }

  Exchange& exchange_;
  Events& events_;
  std::string path_;
  std::size_t seen_ = 0;
};

class TestHandler final : public Handler {
 public:
  explicit TestHandler(Events& events) : events_(events) {}
  std::unique_ptr<Responder> on_request(Exchange& exchange) override {
    if (exchange.request().path_and_query == "/nobody") return nullptr;
    return std::make_unique<TestResponder>(exchange, events_);
  }

 private:
  Events& events_;
};

class Http1Test : public ::testing::Test {
 protected:
  void serve(ServerLimits limits = {}, std::size_t shards = 2) {
    pool_ = std::make_unique<async::ShardPool>(shards);
    auto server = Server::create(
        *pool_, handler_,
        {.address = "127.0.0.1:0", .limits = limits, .access_log = [this](const AccessRecord& record) {
           events_.change([&](Events& all) {
             all.log.push_back(std::string(record.method) + " " + std::string(record.target) + " " +
                               std::to_string(record.status) + " " + std::to_string(record.bytes_in) + " " +
                               std::to_string(record.bytes_out) + (record.complete ? "" : " incomplete"));
           });
         }});
    ASSERT_TRUE(server) << server.error().message();
    server_ = std::move(*server);
    const auto address = server_->address();
    port_ = static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1)));
  }

  void TearDown() override {
    if (server_) server_->close(0ms);
    events_.change([](Events& all) { EXPECT_EQ(all.alive, 0); });
    server_.reset();
    pool_.reset();
  }

  /// Sends, and returns all that comes until the server closes.
  std::string talk(std::string_view bytes) {
    Client client(port_);
    client.send(bytes);
    return client.receive_all();
  }

  /// A request on a connection of its own.
  std::string get(std::string_view path) {
    return talk("GET " + std::string(path) + " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  }

  static std::string body_of(const std::string& answer) {
    const auto at = answer.find("\r\n\r\n");
    return at == std::string::npos ? "" : answer.substr(at + 4);
  }

  void expect_healthy() {
    const auto answer = get("/hello");
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\n")) << answer;
    EXPECT_EQ(body_of(answer), "hello");
  }

  Events events_;
  TestHandler handler_{events_};
  std::unique_ptr<async::ShardPool> pool_;
  std::unique_ptr<Server> server_;
  std::uint16_t port_ = 0;
};

}  // namespace weft::web::test
