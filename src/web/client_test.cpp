// SPDX-License-Identifier: Apache-2.0
// What a server sees of the client and what the client makes of its answers, over loopback.
#include "web/client_fixture.hpp"
#include "web/server.hpp"

namespace weft::web::test {
namespace {

constexpr std::string_view kHello = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: b\r\n\r\nhello";

TEST_F(ClientTest, sends_a_request_as_it_should_look) {
  std::string seen;
  ScriptedServer server([&seen](Peer& peer, int) {
    seen = peer.receive_head();
    peer.send(kHello);
    peer.sees_close();
  });
  const auto outcome = fetch({.authority = server.authority(),
                              .path = "/a/b?c=d",
                              .headers = {{"host", "example.test"},
                                          {"accept", "*/*"},
                                          {"connection", "upgrade"},
                                          {"te", "gzip"},
                                          {"X-Two", "1"},
                                          {"x-two", "2"}}});
  EXPECT_EQ(outcome.fault, std::nullopt) << outcome.reason;
  EXPECT_EQ(outcome.status, 200U);
  EXPECT_EQ(outcome.header("x-a"), "b");
  EXPECT_EQ(outcome.body, "hello");
  client_.reset();
  EXPECT_EQ(seen,
            "GET /a/b?c=d HTTP/1.1\r\nhost: example.test\r\naccept: */*\r\nX-Two: 1\r\nx-two: 2\r\n"
            "user-agent: weft\r\n\r\n");
}

TEST_F(ClientTest, reads_every_way_to_end_a_body) {
  auto outcome = fetch_bytes(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4;x=y\r\nwhol\r\n1\r\ne\r\n0\r\nX-Sum: 42\r\n\r\n");
  EXPECT_EQ(outcome.fault, std::nullopt) << outcome.reason;
  EXPECT_EQ(outcome.body, "whole");
  ASSERT_EQ(outcome.trailers.size(), 1U);
  EXPECT_EQ(outcome.trailers[0].name, "x-sum");
  EXPECT_EQ(outcome.trailers[0].value, "42");

  outcome = fetch_bytes("HTTP/1.1 200 OK\r\n\r\nuntil the end");
  EXPECT_EQ(outcome.fault, std::nullopt) << outcome.reason;
  EXPECT_EQ(outcome.body, "until the end");
  EXPECT_EQ(fetch_bytes("HTTP/1.0 200 OK\r\n\r\nold").body, "old");
  EXPECT_EQ(fetch_bytes("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").fault, std::nullopt);
}

TEST_F(ClientTest, expects_no_body_where_there_is_none) {
  for (const std::string_view answer :
       {"HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 304 Not Modified\r\nContent-Length: 77\r\n\r\n"}) {
    const auto outcome = fetch_bytes(answer);
    EXPECT_EQ(outcome.fault, std::nullopt) << outcome.reason;
    EXPECT_TRUE(outcome.body.empty());
  }
  const auto outcome = fetch_bytes("HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n", {.method = "HEAD"});
  EXPECT_EQ(outcome.fault, std::nullopt) << outcome.reason;
  EXPECT_EQ(outcome.header("content-length"), "1234");
}

TEST_F(ClientTest, passes_interim_answers_over) {
  const auto outcome = fetch_bytes(
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: "
      "2\r\n\r\nok");
  EXPECT_EQ(outcome.fault, std::nullopt) << outcome.reason;
  EXPECT_EQ(outcome.body, "ok");
  EXPECT_EQ(outcome.header("link"), "(none)");
  std::string flood;
  for (int i = 0; i < 100; ++i) flood += "HTTP/1.1 100 Continue\r\n\r\n";
  EXPECT_EQ(fetch_bytes(flood).fault, HttpFault::http_protocol_error);
  EXPECT_EQ(fetch_bytes("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n").fault,
            HttpFault::http_upgrade_failed);
}

TEST_F(ClientTest, sends_bodies_with_a_length_or_in_chunks) {
  std::vector<std::string> seen;
  ScriptedServer server([&seen](Peer& peer, int) {
    for (int i = 0; i < 4; ++i) {
      const auto head = peer.receive_head();
      if (head.empty()) return;
      std::string body;
      if (head.contains("content-length: 10")) body = peer.receive(10);
      if (head.contains("chunked")) body = peer.receive_until("0\r\n") + peer.receive_until("\r\n\r\n");
      seen.push_back(head.substr(0, head.find("user-agent")) + head.substr(head.find("weft\r\n") + 6) + body);
      peer.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    }
    peer.sees_close();
  });
  const auto host = server.authority();
  const std::vector<std::string> pieces = {"01234", "", "56789"};
  Request with_length{.method = "PUT", .authority = host, .headers = {{"Content-Length", "10"}}, .body = pieces};
  EXPECT_EQ(fetch(with_length).fault, std::nullopt);
  Request in_chunks{.method = "POST", .authority = host, .body = pieces, .trailers = {{"x-sum", "1"}, {"host", "no"}}};
  EXPECT_EQ(fetch(in_chunks).fault, std::nullopt);
  EXPECT_EQ(fetch({.method = "POST", .authority = host}).fault, std::nullopt);
  EXPECT_EQ(fetch({.method = "DELETE", .authority = host}).fault, std::nullopt);
  EXPECT_EQ(server.connections(), 1);
  client_.reset();
  const std::string line = " / HTTP/1.1\r\nhost: " + host + "\r\n";
  ASSERT_EQ(seen.size(), 4U);
  EXPECT_EQ(seen[0], "PUT" + line + "content-length: 10\r\n\r\n0123456789");
  EXPECT_EQ(seen[1],
            "POST" + line + "transfer-encoding: chunked\r\n\r\n5\r\n01234\r\n5\r\n56789\r\n0\r\nx-sum: 1\r\n\r\n");
  EXPECT_EQ(seen[2], "POST" + line + "content-length: 0\r\n\r\n");
  EXPECT_EQ(seen[3], "DELETE" + line + "\r\n");
}

TEST_F(ClientTest, refuses_what_is_no_request) {
  const auto fault = [this](Request request) {
    if (request.authority.empty()) request.authority = "127.0.0.1:9";
    return fetch(std::move(request)).fault;
  };
  EXPECT_EQ(fault({.method = "G T"}), HttpFault::http_request_method_invalid);
  EXPECT_EQ(fault({.method = "CONNECT"}), HttpFault::http_request_method_invalid);
  EXPECT_EQ(fault({.scheme = "ftp"}), HttpFault::http_protocol_error);
  EXPECT_EQ(fault({.authority = "user@host"}), HttpFault::http_request_uri_invalid);
  EXPECT_EQ(fault({.authority = "host:99999"}), HttpFault::http_request_uri_invalid);
  EXPECT_EQ(fault({.path = "/a b"}), HttpFault::http_request_uri_invalid);
  EXPECT_EQ(fault({.path = "/a\r\nx: y"}), HttpFault::http_request_uri_invalid);
  EXPECT_EQ(fault({.path = "/" + std::string(100'000, 'a')}), HttpFault::http_request_uri_too_long);
  EXPECT_EQ(fault({.headers = {{"x", "a\r\nb: c"}}}), HttpFault::http_protocol_error);
  EXPECT_EQ(fault({.headers = {{"x y", "a"}}}), HttpFault::http_protocol_error);
  EXPECT_EQ(fault({.headers = {{"content-length", "1"}, {"content-length", "2"}}}), HttpFault::http_protocol_error);
  EXPECT_EQ(fault({.headers = {{"content-length", "1"}}}), HttpFault::http_request_body_size);
}

TEST_F(ClientTest, a_body_that_is_not_as_long_as_promised_is_never_whole) {
  std::vector<std::string> bodies(2);
  ScriptedServer server([&bodies](Peer& peer, int index) {
    peer.receive_head();
    bodies[static_cast<std::size_t>(index)] = peer.receive(100);
  });
  Request request{.method = "PUT", .authority = server.authority(), .headers = {{"content-length", "5"}}};
  request.body = std::vector<std::string>{"1234"};
  EXPECT_EQ(fetch(request).fault, HttpFault::http_request_body_size);
  request.body = std::vector<std::string>{"1234", "56"};
  EXPECT_EQ(fetch(request).fault, HttpFault::http_request_body_size);
}

TEST_F(ClientTest, uses_a_connection_again_only_if_both_sides_may) {
  const auto connections = [this](std::string_view answer) {
    ScriptedServer server([answer](Peer& peer, int) {
      while (!peer.receive_head().empty()) {
        if (!peer.send(answer)) return;
      }
    });
    for (int i = 0; i < 3; ++i) EXPECT_EQ(fetch({.authority = server.authority()}).fault, std::nullopt);
    client_.reset();
    return server.connections();
  };
  EXPECT_EQ(connections(kHello), 1);
  EXPECT_EQ(connections("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n"), 1);
  EXPECT_EQ(connections("HTTP/1.1 204 No Content\r\n\r\n"), 1);
  EXPECT_EQ(connections("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"), 3);
  EXPECT_EQ(connections("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"), 3);
  // Bytes behind an answer would be taken for the next one.
  EXPECT_EQ(connections("HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), 3);
}

TEST_F(ClientTest, an_answer_before_the_end_of_the_request_ends_the_connection) {
  std::atomic<bool> closed = false;
  ScriptedServer server([&closed](Peer& peer, int) {
    peer.receive_head();
    peer.send("HTTP/1.1 413 Too Much\r\nContent-Length: 3\r\n\r\nno!");
    closed = peer.sees_close();
  });
  Request request{.method = "POST", .authority = server.authority()};
  request.body.emplace(10'000, std::string(10'000, 'x'));
  const auto outcome = fetch(std::move(request));
  EXPECT_EQ(outcome.status, 413U) << outcome.reason;
  EXPECT_EQ(outcome.body, "no!");
}

/// Answers one request per connection and closes, without having said that it would.
class StaleConnectionTest : public ClientTest {
 protected:
  StaleConnectionTest()
      : server_([this](Peer& peer, int index) {
          if (index == 1 && silent_) {
            peer.receive_head();  // a reset before could be told by connecting itself
            return peer.reset();
          }
          while (true) {
            const auto head = peer.receive_head();
            if (head.empty()) return;
            std::string body;
            if (head.contains("chunked")) body = peer.receive_until("\r\n0\r\n\r\n");
            if (index == 0 && answered_++ > 0) return peer.reset();  // taken, and never answered
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
          }
        }) {}

  std::atomic<bool> silent_ = false;
  std::atomic<int> answered_ = 0;
  ScriptedServer server_;
};

TEST_F(StaleConnectionTest, a_request_without_a_body_is_sent_again) {
  EXPECT_EQ(fetch({.authority = server_.authority()}).status, 200U);
  const auto outcome = fetch({.authority = server_.authority()});
  EXPECT_EQ(outcome.fault, std::nullopt) << outcome.reason;
  EXPECT_EQ(outcome.status, 200U);
  EXPECT_EQ(server_.connections(), 2);
}

TEST_F(StaleConnectionTest, a_small_body_is_sent_again_as_it_was) {
  EXPECT_EQ(fetch({.authority = server_.authority()}).status, 200U);
  const auto outcome =
      fetch({.method = "POST", .authority = server_.authority(), .body = std::vector<std::string>{"one", "two"}});
  EXPECT_EQ(outcome.fault, std::nullopt) << outcome.reason;
  EXPECT_EQ(outcome.body, "3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n");
}

TEST_F(StaleConnectionTest, a_large_body_is_not) {
  EXPECT_EQ(fetch({.authority = server_.authority()}).status, 200U);
  Request request{.method = "POST", .authority = server_.authority()};
  request.body.emplace(100, std::string(10'000, 'x'));
  EXPECT_EQ(fetch(std::move(request)).fault, HttpFault::connection_terminated);
}

TEST_F(StaleConnectionTest, it_is_tried_only_once) {
  silent_ = true;
  EXPECT_EQ(fetch({.authority = server_.authority()}).status, 200U);
  EXPECT_EQ(fetch({.authority = server_.authority()}).fault, HttpFault::connection_terminated);
  EXPECT_EQ(server_.connections(), 2);
}

TEST_F(ClientTest, idle_connections_are_closed_in_time) {
  make({.trust = {.system_roots = false, .extra_roots_file = {}}, .idle_timeout = 50ms});
  std::promise<bool> closed;
  ScriptedServer server([&closed](Peer& peer, int) {
    peer.receive_head();
    peer.send(kHello);
    closed.set_value(peer.sees_close());
  });
  EXPECT_EQ(fetch({.authority = server.authority()}).status, 200U);
  auto seen = closed.get_future();
  ASSERT_EQ(seen.wait_for(kClientPatience), std::future_status::ready);
  EXPECT_TRUE(seen.get());
}

TEST_F(ClientTest, a_server_that_sends_faster_than_is_read_has_to_wait) {
  std::atomic<std::size_t> sent = 0;
  ScriptedServer server([&sent](Peer& peer, int) {
    peer.receive_head();
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n");
    const std::string piece(100'000, 'x');
    for (int i = 0; i < 1000 && peer.send(piece); ++i) sent += piece.size();
  });
  auto exchange = begin({.authority = server.authority(), .stalled = true});
  const auto end = std::chrono::steady_clock::now() + kClientPatience;
  std::size_t before = 0;
  while ((exchange->received() == 0 || before != sent) && std::chrono::steady_clock::now() < end) {
    before = sent;
    std::this_thread::sleep_for(100ms);  // what stands still for so long waits
  }
  EXPECT_LT(sent, 90'000'000U);
  EXPECT_LT(exchange->received(), 1'000'000U);
  auto outcome = exchange->outcome();
  shards_.at(0).post([exchange]() noexcept { exchange->resume(); });
  EXPECT_EQ(wait(std::move(outcome)).body.size(), 100'000'000U);
}

TEST_F(ClientTest, whoever_leaves_closes_the_connection) {
  std::promise<bool> closed;
  std::promise<void> began;
  ScriptedServer server([&](Peer& peer, int) {
    peer.receive_head();
    began.set_value();
    closed.set_value(peer.sees_close());
  });
  auto exchange = begin({.authority = server.authority()});
  began.get_future().wait();
  shards_.at(0).post([exchange]() noexcept { exchange->leave(); });
  auto seen = closed.get_future();
  ASSERT_EQ(seen.wait_for(kClientPatience), std::future_status::ready);
  EXPECT_TRUE(seen.get());
}

TEST_F(ClientTest, closing_waits_for_what_runs_and_ends_the_rest) {
  std::promise<void> go;
  std::shared_future<void> gate = go.get_future().share();
  ScriptedServer server([gate](Peer& peer, int) {
    const auto head = peer.receive_head();
    if (head.contains("/never")) return void(peer.sees_close());
    gate.wait();
    peer.send(kHello);
  });
  auto answered = begin({.authority = server.authority(), .path = "/soon"})->outcome();
  while (server.connections() < 1) std::this_thread::yield();
  std::thread closing([this] { client_->close(kClientPatience); });
  go.set_value();
  EXPECT_EQ(wait(std::move(answered)).body, "hello");
  closing.join();
  EXPECT_EQ(fetch({.authority = server.authority()}).fault, HttpFault::destination_unavailable);

  client_.reset();
  auto never = begin({.authority = server.authority(), .path = "/never"})->outcome();
  while (server.connections() < 2) std::this_thread::yield();
  client_->close(0ms);
  EXPECT_EQ(wait(std::move(never)).fault, HttpFault::connection_terminated);
}

TEST_F(ClientTest, a_server_gets_no_more_connections_than_it_may) {
  make({.trust = {.system_roots = false, .extra_roots_file = {}}, .max_connections_per_authority = 2});
  ScriptedServer server([](Peer& peer, int) {
    peer.receive_head();
    peer.sees_close();
  });
  std::vector<std::shared_ptr<TestExchange>> held = {begin({.authority = server.authority()}),
                                                     begin({.authority = server.authority()})};
  EXPECT_EQ(fetch({.authority = server.authority()}).fault, HttpFault::connection_limit_reached);
  for (const auto& exchange : held) {
    auto outcome = exchange->outcome();
    shards_.at(0).post([exchange]() noexcept { exchange->leave(); });
    ASSERT_EQ(outcome.wait_for(kClientPatience), std::future_status::ready);
  }
}

TEST_F(ClientTest, finds_servers_by_name_and_by_ipv6_address) {
  const auto script = [](Peer& peer, int) {
    peer.receive_head();
    peer.send(kHello);
  };
  ScriptedServer server(script);
  EXPECT_EQ(fetch({.authority = server.authority("localhost")}).body, "hello");
  ScriptedServer six(script, nullptr, true);
  if (!six.is_listening()) GTEST_SKIP() << "no IPv6 here";
  EXPECT_EQ(fetch({.authority = six.authority("[::1]")}).body, "hello");
}

/// Sends back what it gets.
class EchoHandler final : public Handler {
 public:
  std::unique_ptr<Responder> on_request(Exchange& exchange) override { return std::make_unique<Echo>(exchange); }

 private:
  class Echo final : public Responder {
   public:
    explicit Echo(Exchange& exchange) : exchange_(exchange) {}
    void start() override {
      exchange_.send_head({.status = 200, .headers = {}});
      exchange_.read_body();
    }
    void on_body(std::span<const std::byte> piece) override { exchange_.send_body(piece); }
    void on_body_end(std::span<const HeaderView> trailers) override {
      std::vector<Header> copies;
      for (const auto& [name, value] : trailers) copies.push_back({std::string(name), std::string(value)});
      exchange_.finish(copies);
    }
    void on_writable() override { exchange_.read_body(); }
    void on_disconnect() override {}

   private:
    Exchange& exchange_;
  };
};

TEST_F(ClientTest, moves_large_bodies_both_ways_at_once_through_our_own_server) {
  EchoHandler echo;
  async::ShardPool serving(1);
  auto server = Server::create(serving, echo, {.address = "127.0.0.1:0", .limits = {}, .access_log = {}});
  ASSERT_TRUE(server) << server.error().message();
  Request request{.method = "POST", .authority = (*server)->address(), .trailers = {{"x-sum", "7"}}};
  request.body.emplace();
  std::string all;
  for (int i = 0; i < 400; ++i) {
    request.body->push_back(std::string(static_cast<std::size_t>(i) * 97, static_cast<char>('a' + i % 26)));
    all += request.body->back();
  }
  for (int round = 0; round < 3; ++round) {
    const auto outcome = fetch(request);
    EXPECT_EQ(outcome.fault, std::nullopt) << outcome.reason;
    EXPECT_TRUE(outcome.body == all);
    ASSERT_EQ(outcome.trailers.size(), 1U);
    EXPECT_EQ(outcome.trailers[0].value, "7");
  }
  client_.reset();
  (*server)->close(0ms);
}

}  // namespace
}  // namespace weft::web::test
