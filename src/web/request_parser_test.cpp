// SPDX-License-Identifier: Apache-2.0
#include "web/request_parser.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace weft::web {
namespace {

std::vector<char> bytes_of(std::string_view text) { return {text.begin(), text.end()}; }

TEST(RequestParserTest, fills_the_head_without_hop_by_hop_headers) {
  auto bytes = bytes_of(
      "POST /a?b HTTP/1.1\r\nHost: h:1\r\nConnection: x-own\r\nX-Own: 1\r\nContent-Length: 3\r\nX-Kept:  v \r\n\r\n");
  RequestParser parser;
  parser.reset();
  RequestHead head;
  ASSERT_FALSE(parser.parse_head(bytes, head));
  EXPECT_EQ(head.method, "POST");
  EXPECT_EQ(head.authority, "h:1");
  EXPECT_EQ(head.path_and_query, "/a?b");
  EXPECT_EQ(head.content_length, 3U);
  EXPECT_TRUE(head.has_body);
  ASSERT_EQ(head.headers.size(), 3U);
  EXPECT_EQ(head.headers[2].name, "x-kept");
  EXPECT_EQ(head.headers[2].value, "v");
  EXPECT_TRUE(parser.keep_alive());
}

TEST(RequestParserTest, takes_a_chunked_body_byte_by_byte) {
  auto head_bytes = bytes_of("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
  RequestParser parser;
  parser.reset();
  RequestHead head;
  ASSERT_FALSE(parser.parse_head(head_bytes, head));
  std::vector<char> waiting;
  std::string body, trailers;
  bool ended = false;
  for (const char byte : std::string_view("1\r\na\r\n2;x=y\r\nbc\r\n0\r\nX-T: 1\r\n\r\n")) {
    waiting.push_back(byte);
    for (auto step = parser.parse_body(waiting, 100); !ended; step = parser.parse_body(waiting, 100)) {
      ASSERT_NE(step.state, BodyStep::State::refused);
      body.append(step.piece);
      ended = step.state == BodyStep::State::end;
      for (const auto& [name, value] : parser.trailers()) trailers.append(name).append("=").append(value);
      waiting.erase(waiting.begin(), waiting.begin() + static_cast<std::ptrdiff_t>(step.consumed));
      if (step.state == BodyStep::State::need_more) break;
    }
  }
  EXPECT_TRUE(ended);
  EXPECT_EQ(body, "abc");
  EXPECT_EQ(trailers, "x-t=1");
}

TEST(RequestParserTest, limits_bodies_and_extensions) {
  const auto feed = [](std::string_view body, std::uint64_t limit) {
    auto head_bytes = bytes_of("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
    auto bytes = bytes_of(body);
    RequestParser parser;
    parser.reset();
    RequestHead head;
    EXPECT_FALSE(parser.parse_head(head_bytes, head));
    std::size_t at = 0;
    for (;;) {
      const auto step = parser.parse_body(std::span(bytes).subspan(at), limit);
      at += step.consumed;
      if (step.state != BodyStep::State::piece) return step.refusal.status;
    }
  };
  EXPECT_EQ(feed("2\r\nab\r\n1\r\nc\r\n0\r\n\r\n", 3), 0U);
  EXPECT_EQ(feed("2\r\nab\r\n2\r\ncd\r\n0\r\n\r\n", 3), 413U);
  EXPECT_EQ(feed("ffffffffffffffff\r\n", 3), 413U);
  std::string extended;
  for (int i = 0; i < 20; ++i) extended += "1;" + std::string(1000, 'x') + "\r\na\r\n";
  EXPECT_EQ(feed(extended + "0\r\n\r\n", 100), 400U);
}

}  // namespace
}  // namespace weft::web
