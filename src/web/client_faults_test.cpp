// SPDX-License-Identifier: Apache-2.0
// What the client says of servers that fail, lie or keep silent.
#include "web/client_fixture.hpp"

namespace weft::web::test {
namespace {

TEST_F(ClientTest, nobody_listens) {
  std::uint16_t port = 0;
  {
    ScriptedServer gone([](Peer&, int) {});
    port = gone.port();
  }
  EXPECT_EQ(fetch({.authority = "127.0.0.1:" + std::to_string(port)}).fault, HttpFault::connection_refused);
}

TEST_F(ClientTest, the_name_is_nobodys) {
  EXPECT_EQ(fetch({.authority = "nobody.invalid"}).fault, HttpFault::dns_error);
}

TEST_F(ClientTest, the_connection_ends_before_an_answer) {
  EXPECT_EQ(fetch_bytes("").fault, HttpFault::connection_terminated);
  ScriptedServer server([](Peer& peer, int) {
    peer.receive_head();
    peer.reset();
  });
  EXPECT_EQ(fetch({.authority = server.authority()}).fault, HttpFault::connection_terminated);
}

TEST_F(ClientTest, the_answer_is_cut_short) {
  for (const std::string_view answer :
       {"HTTP/1.1 200 OK\r\nContent-Le", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345",
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n123",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n0\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n"}) {
    EXPECT_EQ(fetch_bytes(answer).fault, HttpFault::http_response_incomplete) << answer;
  }
}

TEST_F(ClientTest, the_answer_can_be_read_in_two_ways_or_in_none) {
  for (const std::string_view answer :
       {"SSH-2.0-OpenSSH_9.2\r\n", "HTTP/2.0 200 OK\r\n\r\n", "HTTP/1.1 2000 OK\r\n\r\n", "HTTP/1.1 700 OK\r\n\r\n",
        "HTTP/1.1 200 OK\nX: y\n\n", "HTTP/1.1 200 OK\r\nX: y\r\n folded\r\n\r\n", "HTTP/1.1 200 OK\r\nX : y\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n123456",
        "HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\n12345",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcdef\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nx: y\r\n folded\r\n\r\n"}) {
    EXPECT_EQ(fetch_bytes(answer).fault, HttpFault::http_protocol_error) << answer;
  }
  EXPECT_EQ(fetch_bytes("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n").fault,
            HttpFault::http_response_transfer_coding);
  EXPECT_EQ(fetch_bytes("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok").body, "ok");
}

TEST_F(ClientTest, heads_and_trailers_have_a_limit) {
  const std::string head = "HTTP/1.1 200 OK\r\n";
  EXPECT_EQ(fetch_bytes(head + "X: " + std::string(70'000, 'x') + "\r\n\r\n").fault,
            HttpFault::http_response_header_section_size);
  std::string many = head;
  for (int i = 0; i < 300; ++i) many += "x: y\r\n";
  EXPECT_EQ(fetch_bytes(many + "\r\n").fault, HttpFault::http_response_header_section_size);
  EXPECT_EQ(fetch_bytes(head + "Content-Length: 0\r\nX: " + std::string(60'000, 'x') + "\r\n\r\n").fault, std::nullopt);
  const std::string chunked = head + "Transfer-Encoding: chunked\r\n\r\n0\r\n";
  EXPECT_EQ(fetch_bytes(chunked + "X: " + std::string(200'000, 'x') + "\r\n\r\n").fault,
            HttpFault::http_response_trailer_section_size);
  std::string many_trailers = chunked;
  for (int i = 0; i < 300; ++i) many_trailers += "x: y\r\n";
  EXPECT_EQ(fetch_bytes(many_trailers + "\r\n").fault, HttpFault::http_response_trailer_section_size);
}

TEST_F(ClientTest, an_endless_head_is_refused_while_it_comes) {
  ScriptedServer server([](Peer& peer, int) {
    peer.receive_head();
    peer.send("HTTP/1.1 200 OK\r\n");
    while (peer.send("X-Bomb: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n")) {
    }
  });
  EXPECT_EQ(fetch({.authority = server.authority()}).fault, HttpFault::http_response_header_section_size);
}

TEST_F(ClientTest, a_server_that_keeps_silent_is_given_up) {
  ScriptedServer silent([](Peer& peer, int) { peer.sees_close(); });
  auto outcome = fetch({.authority = silent.authority(), .timeouts = {.first_byte = 50ms}});
  EXPECT_EQ(outcome.fault, HttpFault::connection_read_timeout);
  // A TLS handshake is a part of connecting.
  outcome = fetch({.scheme = "https", .authority = silent.authority(), .timeouts = {.connect = 50ms}});
  EXPECT_EQ(outcome.fault, HttpFault::connection_timeout);
}

TEST_F(ClientTest, a_server_that_stops_amid_its_answer_is_given_up) {
  ScriptedServer server([](Peer& peer, int) {
    peer.receive_head();
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345");
    peer.sees_close();
  });
  const auto outcome = fetch({.authority = server.authority(), .timeouts = {.between_bytes = 50ms}});
  EXPECT_EQ(outcome.fault, HttpFault::connection_read_timeout);
  EXPECT_EQ(outcome.body, "12345");
}

TEST_F(ClientTest, a_server_that_takes_nothing_is_given_up) {
  ScriptedServer server([](Peer& peer, int) {
    pollfd wait{.fd = peer.socket(), .events = POLLRDHUP, .revents = 0};
    ::poll(&wait, 1, 20'000);  // until the client closes
  });
  Request request{.method = "POST", .authority = server.authority(), .timeouts = {.first_byte = 100ms}};
  request.body.emplace(2'000, std::string(10'000, 'x'));
  EXPECT_EQ(fetch(std::move(request)).fault, HttpFault::connection_write_timeout);
}

TEST_F(ClientTest, a_slow_answer_within_its_time_is_whole) {
  ScriptedServer server([](Peer& peer, int) {
    peer.receive_head();
    for (const char byte :
         std::string_view("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nx: y\r\n\r\n")) {
      peer.send(std::string(1, byte));
    }
  });
  const auto outcome =
      fetch({.authority = server.authority(), .timeouts = {.connect = 10s, .first_byte = 10s, .between_bytes = 10s}});
  EXPECT_EQ(outcome.fault, std::nullopt) << outcome.reason;
  EXPECT_EQ(outcome.body, "ab");
  EXPECT_EQ(outcome.trailers.size(), 1U);
}

}  // namespace
}  // namespace weft::web::test
