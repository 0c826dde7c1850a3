// SPDX-License-Identifier: Apache-2.0
// What a client sees, over real loopback sockets and raw bytes.
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

namespace weft::web {
namespace {

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
      static const std::string whole_piece(64 * 1024, 'e');
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

TEST_F(Http1Test, answers_with_date_length_and_without_server_name) {
  serve();
  const auto answer = get("/hello");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\ndate: ")) << answer;
  EXPECT_TRUE(answer.contains(" GMT\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello")) << answer;
  EXPECT_FALSE(answer.contains("erver:")) << answer;
}

TEST_F(Http1Test, keeps_the_connection_and_answers_pipelined_requests_in_order) {
  serve();
  Client client(port_);
  std::string requests;
  for (int i = 0; i < 100; ++i) {
    requests += "GET /seen HTTP/1.1\r\nHost: a\r\nX-N: " + std::to_string(i) + "\r\n\r\n";
    requests += "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc\r\n";
  }
  ASSERT_TRUE(client.send(requests));
  for (int i = 0; i < 100; ++i) {
    client.receive_until("a|host=a|x-n=" + std::to_string(i));
    client.receive_until("3\r\nabc\r\n0\r\n\r\n");
  }
}

TEST_F(Http1Test, takes_requests_byte_by_byte) {
  serve();
  Client client(port_);
  for (const char byte :
       "POST /swallow HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
       "5;x=\"y\"\r\nhello\r\n3\r\nyou\r\n0\r\nX-Sum: 1\r\n\r\n"sv) {
    ASSERT_TRUE(client.send({&byte, 1}));
  }
  EXPECT_EQ(body_of(client.receive_all()), "8|x-sum=1");
}

TEST_F(Http1Test, passes_over_empty_lines_before_a_request) {
  serve();
  EXPECT_TRUE(talk("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").starts_with("HTTP/1.1 200"));
}

TEST_F(Http1Test, hides_hop_by_hop_headers_and_lowers_names) {
  serve();
  const auto answer = talk(
      "GET /seen HTTP/1.1\r\nHost: A.b:80\r\nConnection: close, X-Private\r\nX-Private: 1\r\nTE: trailers\r\nUpgrade: "
      "h2c\r\n"
      "Keep-Alive: 5\r\nX-Kept:  v \r\n\r\n");
  EXPECT_EQ(body_of(answer), "A.b:80|host=A.b:80|x-kept=v");
}

TEST_F(Http1Test, prefers_the_authority_of_an_absolute_target) {
  serve();
  EXPECT_TRUE(
      body_of(talk("GET http://b:1/seen HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")).starts_with("b:1|"));
}

TEST_F(Http1Test, refuses_every_ambiguous_request_and_closes) {
  serve();
  struct Case {
    std::string_view bytes;
    int status;
  };
  const std::vector<Case> cases = {
      {"GET / HTTP/1.1\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost:\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\nhello", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nhello", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \x0b"
       "chunked\r\n\r\n0\r\n\r\n",
       400},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400},
      {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n"sv, 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", 400},
      {"GET / HTTP/1.1\nHost: a\n\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nX: y\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nX y\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\n: y\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nX\x80: y\r\n\r\n", 400},
      {"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 400},
      {"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET /\r\n\r\n", 400},
      {"G(T / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET /#a HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"\x16\x03\x01\x02\x00\x01", 400},
      {" GET / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET / HTTP/1.2\r\nHost: a\r\n\r\n", 505},
      {"GET / HTTP/3.0\r\nHost: a\r\n\r\n", 505},
      {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
      {"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", 501},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nExpect: tea\r\n\r\n", 417},
  };
  for (const auto& [bytes, status] : cases) {
    for (const bool in_pieces : {false, true}) {
      Client client(port_);
      if (in_pieces) {
        for (const char& byte : bytes) {
          if (!client.send({&byte, 1})) break;
        }
      } else {
        client.send(bytes);
      }
      // A second request behind the bad one is never answered.
      if (!in_pieces) client.send("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
      const auto answer = client.receive_all();
      EXPECT_TRUE(answer.starts_with("HTTP/1.1 " + std::to_string(status) + " ")) << bytes << "\n-> " << answer;
      EXPECT_TRUE(answer.contains("\r\nconnection: close\r\n")) << answer;
      EXPECT_EQ(answer.find("\nHTTP/1.1 "), std::string::npos) << bytes << "\n-> " << answer;
    }
  }
  events_.change([](Events& all) { EXPECT_EQ(all.started, 0); });
  expect_healthy();
}

TEST_F(Http1Test, refuses_malformed_chunks_and_trailers) {
  serve();
  const std::vector<std::string_view> bodies = {
      "x\r\n",
      "-1\r\n",
      "+1\r\na\r\n0\r\n\r\n",
      "0x1\r\na\r\n0\r\n\r\n",
      " 1\r\na\r\n0\r\n\r\n",
      "1 \r\na\r\n0\r\n\r\n",
      "\r\n",
      ";x\r\n",
      "1;\r\na\r\n0\r\n\r\n",
      "1;a=\"\n\"\r\na\r\n0\r\n\r\n",
      "1;a=\"\0\"\r\na\r\n0\r\n\r\n"sv,
      "1;a\nb\r\na\r\n0\r\n\r\n",
      "10000000000000000\r\n",
      "fffffffffffffffff\r\n",
      "1\r\nab\r\n0\r\n\r\n",
      "1\r\na\n0\r\n\r\n",
      "1\r\na0\r\n\r\n",
      "1\ra\r\n0\r\n\r\n",
      "0\r\nX: y\n\r\n\r\n",
      "0\r\nX: y\r\n z\r\n\r\n",
      "0\r\nX:\r\n \r\n\r\n",
      "0\r\nX y\r\n\r\n",
      "0\r\nX: a\0b\r\n\r\n"sv,
      "0\r\nContent-Length: 5\r\n\r\n",
      "0\r\nTransfer-Encoding: chunked\r\n\r\n",
      "0\n\r\n\r\n",
      "0\r\n\nX: y\r\n\r\n",
  };
  for (const auto body : bodies) {
    const auto answer = talk("POST /swallow HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" +
                             std::string(body) + "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n\r\n\r\n");
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 400 ")) << body << "\n-> " << answer;
    EXPECT_EQ(answer.find("\nHTTP/1.1 "), std::string::npos) << body << "\n-> " << answer;
  }
  expect_healthy();
}

TEST_F(Http1Test, refuses_what_is_too_large) {
  ServerLimits limits;
  limits.max_body_bytes = 1000;
  limits.max_header_bytes = 8192;
  serve(limits);
  const std::string head = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n";
  const auto with_header_of = [&](std::size_t total) {
    return head + "X: " + std::string(total - head.size() - 7, 'x') + "\r\n\r\n";
  };
  EXPECT_TRUE(talk(with_header_of(8191)).starts_with("HTTP/1.1 200"));
  EXPECT_TRUE(talk(with_header_of(8192)).starts_with("HTTP/1.1 200"));
  EXPECT_TRUE(talk(with_header_of(8193)).starts_with("HTTP/1.1 431"));
  EXPECT_TRUE(talk(with_header_of(100'000)).starts_with("HTTP/1.1 431"));
  std::string many = head;
  for (int i = 0; i < 300; ++i) many += "a:b\r\n";
  EXPECT_TRUE(talk(many + "\r\n").starts_with("HTTP/1.1 431"));
  const auto post = [](std::size_t size) {
    return "POST /swallow HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: " + std::to_string(size) +
           "\r\n\r\n" + std::string(size, 'x');
  };
  EXPECT_EQ(body_of(talk(post(1000))), "1000");
  EXPECT_TRUE(talk(post(1001)).starts_with("HTTP/1.1 413"));
  const std::string chunked =
      "POST /swallow HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n";
  const std::string chunk = "1f4\r\n" + std::string(500, 'x') + "\r\n";
  EXPECT_EQ(body_of(talk(chunked + chunk + chunk + "0\r\n\r\n")), "1000");
  EXPECT_TRUE(talk(chunked + chunk + chunk + "1\r\nx\r\n0\r\n\r\n").starts_with("HTTP/1.1 413"));
  EXPECT_TRUE(talk(chunked + "1;" + std::string(100'000, 'x')).starts_with("HTTP/1.1 4"));
  EXPECT_TRUE(talk(chunked + "0\r\nx:" + std::string(100'000, 'x')).starts_with("HTTP/1.1 431"));
  expect_healthy();
}

TEST_F(Http1Test, frames_answers_by_what_is_known) {
  serve();
  EXPECT_TRUE(get("/stash").contains("\r\ncontent-length: 5\r\n"));
  const auto pieces = get("/pieces");
  EXPECT_TRUE(pieces.contains("\r\ntransfer-encoding: chunked\r\n")) << pieces;
  EXPECT_EQ(body_of(pieces), "4\r\none,\r\n4\r\ntwo,\r\n5\r\nthree\r\n0\r\n\r\n");
  const auto trailers = get("/trailers");
  EXPECT_EQ(body_of(trailers), "4\r\nbody\r\n0\r\nX-Sum: 42\r\n\r\n");
  EXPECT_TRUE(get("/exact").contains("\r\ncontent-length: 5\r\nconnection: close\r\n\r\n12345"));
  const auto empty = get("/204");
  EXPECT_FALSE(empty.contains("content-length")) << empty;
  EXPECT_TRUE(empty.ends_with("\r\n\r\n"));
  const auto unmodified = get("/304");
  EXPECT_TRUE(unmodified.contains("content-length: 77\r\n"));
  EXPECT_TRUE(unmodified.ends_with("\r\n\r\n"));
  const auto twice = get("/twice");
  EXPECT_EQ(body_of(twice), "x");
  const auto big = get("/big");
  EXPECT_EQ(body_of(big).size(), 3'000'000U);
}

TEST_F(Http1Test, drops_headers_that_are_the_sessions_own) {
  serve();
  const auto answer =
      talk("GET /hop HTTP/1.1\r\nHost: a\r\n\r\nGET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\nX-Kept: z\r\nDate: then\r\ncontent-length: 0\r\n\r\nHTTP/1.1 200"))
      << answer;
}

TEST_F(Http1Test, answers_head_without_a_body) {
  serve();
  Client client(port_);
  ASSERT_TRUE(client.send(
      "HEAD /hello HTTP/1.1\r\nHost: a\r\n\r\nHEAD /head-only HTTP/1.1\r\nHost: a\r\n\r\n"
      "HEAD /pieces HTTP/1.1\r\nHost: a\r\n\r\nHEAD /exact HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
  EXPECT_TRUE(client.receive_until("\r\n\r\n").contains("content-length: 5\r\n"));
  EXPECT_TRUE(client.receive_until("\r\n\r\n").contains("content-length: 1234\r\n"));
  EXPECT_TRUE(client.receive_until("\r\n\r\n").starts_with("HTTP/1.1 200"));
  const auto last = client.receive_all();
  EXPECT_TRUE(last.starts_with("HTTP/1.1 200") && last.contains("content-length: 5\r\n") && last.ends_with("\r\n\r\n"))
      << last;
}

TEST_F(Http1Test, answers_options_star) {
  serve();
  EXPECT_TRUE(talk("OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").starts_with("HTTP/1.1 200"));
}

TEST_F(Http1Test, speaks_http_1_0) {
  serve();
  const auto plain = talk("GET /seen HTTP/1.0\r\n\r\n");
  EXPECT_TRUE(plain.contains("connection: close\r\n")) << plain;
  EXPECT_EQ(body_of(plain), server_->address());
  const auto kept = talk(
      "GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /pieces HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_TRUE(kept.contains("connection: keep-alive\r\n\r\nhello")) << kept;
  EXPECT_TRUE(kept.ends_with("connection: close\r\n\r\none,two,three")) << kept;
  EXPECT_FALSE(kept.contains("chunked")) << kept;
}

TEST_F(Http1Test, continues_only_when_the_body_is_wanted) {
  serve();
  Client wanted(port_);
  ASSERT_TRUE(wanted.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n"));
  EXPECT_EQ(wanted.receive_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  ASSERT_TRUE(wanted.send("body"));
  wanted.receive_until("4\r\nbody\r\n0\r\n\r\n");
  ASSERT_TRUE(wanted.send("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"));
  wanted.receive_until("hello");

  const auto unwanted = talk("POST /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_TRUE(unwanted.starts_with("HTTP/1.1 200")) << unwanted;
  EXPECT_TRUE(unwanted.contains("connection: close\r\n")) << unwanted;

  // A client that does not wait gets no 100.
  const auto hasty = talk(
      "POST /swallow HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\nConnection: "
      "close\r\n\r\nbody");
  EXPECT_TRUE(hasty.starts_with("HTTP/1.1 200")) << hasty;
}

TEST_F(Http1Test, drains_a_small_body_that_nobody_read_and_closes_on_a_large_one) {
  serve();
  Client client(port_);
  ASSERT_TRUE(client.send("POST /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 20000\r\n\r\n"));
  client.receive_until("hello");
  ASSERT_TRUE(client.send(std::string(20000, 'x') +
                          "POST /hello HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n"));
  client.receive_until("hello");
  ASSERT_TRUE(client.send("0\r\n\r\nGET /hello HTTP/1.1\r\nHost: a\r\n\r\n"));
  client.receive_until("hello");
  ASSERT_TRUE(
      client.send("POST /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n" + std::string(100'000, 'x')));
  const auto last = client.receive_all();
  EXPECT_TRUE(last.contains("connection: close\r\n") && last.ends_with("hello")) << last;
}

TEST_F(Http1Test, leaves_a_broken_message_visibly_incomplete) {
  serve();
  const auto more = get("/promise-more");
  EXPECT_TRUE(more.contains("content-length: 10\r\n")) << more;
  EXPECT_LT(body_of(more).size(), 10U) << more;
  const auto less = get("/promise-less");
  EXPECT_TRUE(less.contains("content-length: 5\r\n")) << less;
  EXPECT_LT(body_of(less).size(), 5U) << less;
  EXPECT_EQ(get("/promise-nothing"), "");
  const auto chunked = get("/fail-after-head");
  EXPECT_EQ(body_of(chunked), "4\r\nsome\r\n");
  const auto length = get("/fail-after-length");
  EXPECT_EQ(body_of(length), "1234");
  Client old(port_);
  ASSERT_TRUE(old.send("GET /fail-after-head HTTP/1.0\r\n\r\n"));
  old.receive_all();
  EXPECT_TRUE(old.was_reset());
  expect_healthy();
}

TEST_F(Http1Test, answers_a_failure_with_its_id) {
  serve();
  Client client(port_);
  ASSERT_TRUE(client.send("GET /fail HTTP/1.1\r\nHost: a\r\n\r\n"));
  const auto text = client.receive_until(")\n");
  EXPECT_TRUE(text.starts_with("HTTP/1.1 500 Internal Server Error\r\ncontent-type: text/plain")) << text;
  EXPECT_TRUE(text.contains("500 Internal Server Error: the guest \"trapped\" (id ")) << text;
  ASSERT_TRUE(client.send("GET /fail HTTP/1.1\r\nHost: a\r\nAccept: application/json\r\nConnection: close\r\n\r\n"));
  const auto json = client.receive_all();
  EXPECT_TRUE(body_of(json).starts_with(R"({"status":500,"error":"the guest \"trapped\"","id":")")) << json;
  EXPECT_TRUE(get("/bad-head").starts_with("HTTP/1.1 502 "));
  EXPECT_TRUE(get("/nobody").starts_with("HTTP/1.1 500 "));
}

TEST_F(Http1Test, notices_a_client_that_leaves_at_each_stage) {
  serve();
  const auto leaves = [&](std::string_view bytes, const std::function<bool(const Events&)>& first, bool hard) {
    Client client(port_);
    int before = 0;
    events_.change([&](Events& all) {
      before = all.disconnects;
      all.body_bytes = all.sent = 0;
      all.waiting = nullptr;
    });
    ASSERT_TRUE(client.send(bytes));
    ASSERT_TRUE(events_.wait_for(first)) << bytes.substr(0, 100);
    if (hard) {
      client.reset();
    } else {
      client.close();
    }
    EXPECT_TRUE(events_.wait_for([before](const Events& all) {
      return all.disconnects == before + 1 && all.alive == 0;
    })) << bytes.substr(0, 100);
  };
  for (const bool hard : {false, true}) {
    leaves("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n", [](const Events& all) { return all.waiting != nullptr; }, hard);
    leaves(
        "POST /swallow HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nabc",
        [](const Events& all) { return all.body_bytes == 3; }, hard);
    leaves(
        "POST /swallow HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        [](const Events& all) { return all.body_bytes == 2; }, hard);
    leaves("GET /endless HTTP/1.1\r\nHost: a\r\n\r\n", [](const Events& all) { return all.sent > 0; }, hard);
    // Behind more pipelined bytes than are taken in.
    leaves(
        "GET /wait HTTP/1.1\r\nHost: a\r\n\r\n" + std::string(100'000, 'G'),
        [](const Events& all) { return all.waiting != nullptr; }, hard);
    leaves(
        "POST /wait HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n" + std::string(100'000, 'x'),
        [](const Events& all) { return all.waiting != nullptr; }, hard);
    {
      Client nothing(port_);
    }
    Client half(port_);
    ASSERT_TRUE(half.send("GET /wait HTT"));
    half.close();
  }
  expect_healthy();
}

TEST_F(Http1Test, ends_slow_clients) {
  ServerLimits limits;
  limits.idle_timeout = 150ms;
  limits.header_timeout = 150ms;
  limits.io_timeout = 600ms;
  serve(limits);
  EXPECT_EQ(talk(""), "");  // idle
  EXPECT_TRUE(talk("GET / HTTP/1.1\r\nHost").starts_with("HTTP/1.1 408 "));
  EXPECT_TRUE(talk("POST /swallow HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc").starts_with("HTTP/1.1 408 "));
  EXPECT_TRUE(talk("POST /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc").ends_with("hello"));
  const auto echo = talk("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
  EXPECT_TRUE(echo.ends_with("3\r\nabc\r\n")) << echo;  // broken off
  EXPECT_TRUE(talk("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n").ends_with("hello"));

  // A slow sender that does move is served, however long it takes in all.
  Client slow(port_);
  ASSERT_TRUE(slow.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\n"));
  for (int i = 0; i < 8; ++i) {
    ASSERT_TRUE(slow.send("x"));
    slow.receive_until("1\r\nx\r\n");
  }
  slow.receive_until("0\r\n\r\n");

  Client deaf(port_, 4096);
  ASSERT_TRUE(deaf.send("GET /endless HTTP/1.1\r\nHost: a\r\n\r\n"));
  EXPECT_TRUE(events_.wait_for([](const Events& all) { return all.sent > 0 && all.alive == 0; }));
  expect_healthy();
}

TEST_F(Http1Test, ends_a_request_that_takes_too_long) {
  ServerLimits limits;
  limits.request_timeout = 150ms;
  serve(limits);
  const auto answer = get("/wait");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 504 ")) << answer;
  EXPECT_TRUE(events_.wait_for([](const Events& all) { return all.disconnects == 1 && all.alive == 0; }));
  Client reader(port_);
  ASSERT_TRUE(reader.send("GET /endless HTTP/1.1\r\nHost: a\r\n\r\n"));
  EXPECT_FALSE(reader.receive_all().ends_with("0\r\n\r\n"));
}

TEST_F(Http1Test, sheds_what_is_too_much) {
  ServerLimits limits;
  limits.max_requests_in_flight = 2;
  serve(limits);
  Client first(port_), second(port_), third(port_);
  ASSERT_TRUE(first.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n"));
  ASSERT_TRUE(events_.wait_for([](const Events& all) { return all.started == 1; }));
  ASSERT_TRUE(second.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n"));
  ASSERT_TRUE(events_.wait_for([](const Events& all) { return all.started == 2; }));
  ASSERT_TRUE(third.send("POST /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"));
  const auto answer = third.receive_until(")\n");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 503 ")) << answer;
  EXPECT_TRUE(answer.contains("retry-after: 1\r\n")) << answer;
  first.close();
  ASSERT_TRUE(events_.wait_for([](const Events& all) { return all.alive == 1; }));
  ASSERT_TRUE(third.send("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"));  // on the same connection
  EXPECT_TRUE(third.receive_until("hello").starts_with("HTTP/1.1 200 "));
}

TEST_F(Http1Test, stays_reachable_when_connections_run_out) {
  ServerLimits limits;
  limits.max_connections = 4;
  serve(limits, 1);
  std::vector<Client> busy;
  for (int i = 0; i < 4; ++i) {
    busy.emplace_back(port_);
    ASSERT_TRUE(busy.back().send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n"));
    ASSERT_TRUE(events_.wait_for([i](const Events& all) { return all.started == i + 1; }));
  }
  Client refused(port_);
  EXPECT_TRUE(refused.receive_all().starts_with("HTTP/1.1 503 "));
  busy.pop_back();
  ASSERT_TRUE(events_.wait_for([](const Events& all) { return all.alive == 3; }));
  // One place is left, and idle connections give theirs up to new ones.
  std::vector<Client> idle;
  for (int i = 0; i < 5; ++i) {
    idle.emplace_back(port_);
    ASSERT_TRUE(idle.back().send("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"));
    EXPECT_TRUE(idle.back().receive_until("hello").starts_with("HTTP/1.1 200 "));
  }
  EXPECT_EQ(idle.front().receive_all(), "");
}

TEST_F(Http1Test, survives_running_out_of_descriptors) {
  serve({}, 1);
  expect_healthy();
  rlimit old{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &old), 0);
  Client waiting(port_);
  ASSERT_TRUE(waiting.send("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"));
  waiting.receive_until("hello");
  std::vector<int> taken;
  const int next = ::dup(0);
  ASSERT_GE(next, 0);
  ::close(next);
  const rlimit small{.rlim_cur = static_cast<rlim_t>(next) + 1, .rlim_max = old.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &small), 0);
  Client client(port_);  // takes the last descriptor
  EXPECT_TRUE(client.is_connected());
  ASSERT_TRUE(client.send("GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
  // The idle connection is given up, and its descriptor serves the new one.
  EXPECT_EQ(waiting.receive_all(), "");
  EXPECT_TRUE(client.receive_all().ends_with("hello"));
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &old), 0);
  expect_healthy();
}

TEST_F(Http1Test, serves_beside_many_idle_connections) {
  rlimit old{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &old), 0);
  const rlimit wide{.rlim_cur = old.rlim_max, .rlim_max = old.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &wide), 0);
  const std::size_t count = old.rlim_max >= 20'000 ? 9'900 : 1'000;
  serve();
  std::vector<Client> idle;
  for (std::size_t i = 0; i < count; ++i) {
    idle.emplace_back(port_);
    ASSERT_TRUE(idle.back().is_connected()) << i;
    if (i % 3 == 1) idle.back().send("GET /hel");
    if (i % 3 == 2) idle.back().send("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
  }
  expect_healthy();
  for (std::size_t i = 1; i < count; i += 3) {
    ASSERT_TRUE(idle[i].send("lo HTTP/1.1\r\nHost: a\r\n\r\n"));
    idle[i].receive_until("hello");
  }
}

TEST_F(Http1Test, streams_a_large_body_both_ways) {
  serve();
  Client client(port_);
  constexpr std::size_t total = std::size_t{64} * 1024 * 1024;
  ASSERT_TRUE(client.send(
      "POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: " + std::to_string(total) + "\r\n\r\n"));
  std::thread sender([&client] {
    const std::string piece(1 << 20, 'p');
    for (std::size_t sent = 0; sent < total; sent += piece.size()) {
      if (!client.send(piece)) return;
    }
  });
  const auto answer = client.receive_all();
  sender.join();
  EXPECT_EQ(static_cast<std::size_t>(std::ranges::count(answer, 'p')),
            total);  // there is no p in the head
  EXPECT_TRUE(answer.ends_with("\r\n0\r\n\r\n"));
}

TEST_F(Http1Test, takes_in_no_more_than_is_wanted) {
  serve();
  // Upload into a responder that never reads: the client is stopped by the kernel's buffers.
  Client upload(port_);
  ASSERT_TRUE(upload.send("POST /wait HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n"));
  ASSERT_TRUE(events_.wait_for([](const Events& all) { return all.waiting != nullptr; }));
  // Download to a client that never reads: the responder is stopped.
  Client download(port_, 4096);
  ASSERT_TRUE(download.send("GET /endless HTTP/1.1\r\nHost: a\r\n\r\n"));
  std::size_t before = 1, after = 0;
  for (int calm = 0; calm < 20; calm = before == after ? calm + 1 : 0) {
    expect_healthy();
    events_.change([&](Events& all) {
      before = after;
      after = all.sent;
    });
  }
  EXPECT_LT(after, 16U * 1024 * 1024);
}

TEST_F(Http1Test, writes_one_line_per_request_to_the_access_log) {
  serve();
  talk(
      "POST /swallow?x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcGET /fail HTTP/1.1\r\nHost: a\r\nConnection: "
      "close\r\n\r\n");
  talk("nonsense\r\n\r\n");
  get("/fail-after-head");
  ASSERT_TRUE(events_.wait_for([](const Events& all) { return all.log.size() == 4; }));
  events_.change([](Events& all) {
    EXPECT_EQ(all.log[0], "POST /swallow?x 200 0 5");
    EXPECT_TRUE(all.log[1].starts_with("GET /fail 500 0 ")) << all.log[1];
    EXPECT_TRUE(all.log[2].starts_with("- - 400 0 ")) << all.log[2];
    EXPECT_EQ(all.log[3], "GET /fail-after-head 200 0 4 incomplete");
  });
}

TEST_F(Http1Test, closes_with_grace) {
  serve();
  Client idle(port_), busy(port_);
  ASSERT_TRUE(busy.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n"));
  ASSERT_TRUE(events_.wait_for([](const Events& all) { return all.waiting != nullptr; }));
  std::thread closer([this] { server_->close(kPatience); });
  EXPECT_EQ(idle.receive_all(), "");
  EXPECT_FALSE(Client(port_).is_connected());
  Exchange* exchange = nullptr;
  events_.change([&](Events& all) { exchange = all.waiting; });
  ASSERT_NE(exchange, nullptr);
  exchange->shard().post([exchange]() noexcept { exchange->respond(200, {}, "late"); });
  const auto answer = busy.receive_all();
  EXPECT_TRUE(answer.contains("connection: close\r\n") && answer.ends_with("late")) << answer;
  closer.join();
  server_->close(0ms);  // idempotent
}

TEST_F(Http1Test, closes_what_does_not_end_in_time) {
  serve();
  Client busy(port_);
  ASSERT_TRUE(busy.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n"));
  ASSERT_TRUE(events_.wait_for([](const Events& all) { return all.waiting != nullptr; }));
  server_->close(10ms);
  EXPECT_EQ(busy.receive_all(), "");
  events_.change([](Events& all) { EXPECT_EQ(all.disconnects, 1); });
}

TEST_F(Http1Test, goes_down_after_its_shards) {
  serve();
  Client busy(port_), idle(port_);
  ASSERT_TRUE(busy.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n"));
  ASSERT_TRUE(events_.wait_for([](const Events& all) { return all.waiting != nullptr; }));
  pool_->stop();
  server_.reset();
  EXPECT_EQ(busy.receive_all(), "");
}

TEST_F(Http1Test, counts_a_half_closed_client_as_gone) {
  serve();
  Client early(port_);
  ASSERT_TRUE(early.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n"));
  ASSERT_TRUE(events_.wait_for([](const Events& all) { return all.waiting != nullptr; }));
  early.shutdown_write();
  EXPECT_EQ(early.receive_all(), "");
  // An answer that is complete when the end is seen still arrives whole.
  Client late(port_);
  ASSERT_TRUE(late.send("GET /big HTTP/1.1\r\nHost: a\r\n\r\n"));
  late.shutdown_write();
  EXPECT_EQ(body_of(late.receive_all()).size(), 3'000'000U);
}

TEST_F(Http1Test, says_why_it_cannot_listen) {
  serve();
  async::ShardPool pool(1);
  const auto error_for = [&](const std::string& address) {
    auto server = Server::create(pool, handler_, {.address = address, .limits = {}, .access_log = {}});
    EXPECT_FALSE(server) << address;
    return server ? Error(Errc::internal, "") : server.error();
  };
  const auto in_use = error_for(server_->address());
  EXPECT_EQ(in_use.code(), Errc::io);
  EXPECT_TRUE(in_use.message().contains(server_->address())) << in_use.message();
  EXPECT_FALSE(in_use.hint().empty());
  EXPECT_EQ(error_for("192.0.2.1:0").code(), Errc::invalid_argument);
  for (const auto* address : {"", "8000", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:x", "::1:80",
                              "[::1:80", "[x]:80", "a b:80"}) {
    EXPECT_EQ(error_for(address).code(), Errc::invalid_argument) << address;
  }
  for (const auto* address : {"localhost:0", "[::1]:0", ":0"}) {
    auto server = Server::create(pool, handler_, {.address = address, .limits = {}, .access_log = {}});
    if (!server) {
      EXPECT_TRUE(server.error().message().contains("[::1]")) << server.error().message();  // a machine without IPv6
      continue;
    }
    EXPECT_FALSE((*server)->address().ends_with(":0"));
  }
}

}  // namespace
}  // namespace weft::web
