// SPDX-License-Identifier: Apache-2.0
#include "web/response_writer.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace weft::web {
namespace {

TEST(ResponseWriterTest, judges_heads) {
  const std::vector<Header> good = {{"X-A", "b \t\xc3\xa9"}, {"Content-Length", "5"}, {"content-length", "5"}};
  EXPECT_TRUE(judge_head(200, good).valid);
  EXPECT_EQ(judge_head(200, good).length, 5U);
  for (const unsigned status : {0U, 100U, 101U, 199U, 600U, 1000U})
    EXPECT_FALSE(judge_head(status, {}).valid) << status;
  for (const auto& bad : std::vector<Header>{{"", "a"},
                                             {"a b", "c"},
                                             {"a:", "b"},
                                             {"a", "b\r\nc: d"},
                                             {"a", "b\n"},
                                             {"a", std::string(1, '\0')},
                                             {"a", "\x7f"}}) {
    EXPECT_FALSE(judge_head(200, std::vector<Header>{bad}).valid) << bad.name;
  }
  EXPECT_FALSE(judge_head(200, std::vector<Header>{{"content-length", "5"}, {"content-length", "6"}}).valid);
}

TEST(ResponseWriterTest, writes_heads_and_chunks) {
  std::string out;
  const std::vector<Header> headers = {{"Connection", "x"}, {"A", "b"}};
  append_head(out, 404, headers, {.end = BodyEnd::chunked, .close = true}, "now");
  EXPECT_EQ(out,
            "HTTP/1.1 404 Not Found\r\nA: b\r\ndate: now\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n");
  out.clear();
  append_chunk_start(out, 255);
  EXPECT_EQ(out, "ff\r\n");
  out.clear();
  append_last_chunk(out, std::vector<Header>{{"X", "y"}, {"Transfer-Encoding", "z"}, {"Bad", "a\nb"}});
  EXPECT_EQ(out, "0\r\nX: y\r\n\r\n");
}

TEST(ResponseWriterTest, dates_as_http_wants_them) {
  DateCache cache;
  const std::string date(cache.now());
  EXPECT_EQ(date.size(), 29U) << date;
  EXPECT_TRUE(date.ends_with(" GMT")) << date;
}

TEST(ResponseWriterTest, escapes_reasons_in_json) {
  std::string body;
  const auto head = make_error(503, "a \"b\"\n", "id1", "text/html, application/json", body);
  EXPECT_EQ(body, "{\"status\":503,\"error\":\"a \\\"b\\\"\\u000a\",\"id\":\"id1\"}\n");
  ASSERT_EQ(head.headers.size(), 2U);
  EXPECT_EQ(head.headers[1].name, "retry-after");
}

}  // namespace
}  // namespace weft::web
