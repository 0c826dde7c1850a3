// SPDX-License-Identifier: Apache-2.0
// Which requests are taken, and which are refused.
#include <gtest/gtest.h>

#include "web/http1_fixture.hpp"

namespace weft::web::test {
namespace {

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

}  // namespace
}  // namespace weft::web::test
