// SPDX-License-Identifier: Apache-2.0
// How answers are framed, and what becomes of those that fail.
#include <gtest/gtest.h>

#include "web/http1_fixture.hpp"

namespace weft::web::test {
namespace {

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

TEST_F(Http1Test, a_fault_is_told_as_a_status) {
  serve();
  const auto answer = get("/fault");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 504 ")) << answer;
  EXPECT_NE(answer.find("nobody there"), std::string::npos) << answer;
}

}  // namespace
}  // namespace weft::web::test
