// SPDX-License-Identifier: Apache-2.0
// Clients that leave, stall or come in numbers; long bodies; the server's own end.
#include <gtest/gtest.h>

#include "base/eventually.hpp"
#include "web/http1_fixture.hpp"

namespace weft::web::test {
namespace {

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
  // On the same connection, as soon as the place is free.
  EXPECT_TRUE(testing_support::eventually([&] { return third.gets_hello(); }));
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
  // One place becomes free, and idle connections give theirs up to new ones.
  std::vector<Client> idle;
  const auto one_more = [&] {
    idle.emplace_back(port_);
    return idle.back().gets_hello();
  };
  ASSERT_TRUE(testing_support::eventually([&] {
    idle.clear();
    return one_more();
  }));
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(one_more());
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
  ServerLimits limits;
  limits.header_timeout = limits.idle_timeout = 5min;  // a busy machine takes its time for so many
  serve(limits);
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
  serve({}, 1);  // with one shard, all connections learn of the end in one step
  Client idle(port_), busy(port_);
  // Once served, it is accepted for sure: what still stands in a listener's queue ends with that listener alone.
  ASSERT_TRUE(idle.send("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"));
  idle.receive_until("\r\n\r\nhello");
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
}  // namespace weft::web::test
