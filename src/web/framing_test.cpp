// SPDX-License-Identifier: Apache-2.0
#include "web/framing.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace weft::web {
namespace {

using namespace std::string_view_literals;

HeadScan scan(std::string_view bytes) {
  std::size_t resume = 0;
  return scan_head(bytes, resume);
}

TEST(ScanHeadTest, finds_the_end_wherever_the_bytes_are_cut) {
  constexpr auto head = "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n"sv;
  const std::string bytes = std::string(head) + "body\nwith\rodd bytes";
  for (std::size_t step = 1; step < bytes.size(); ++step) {
    std::size_t resume = 0;
    HeadScan found;
    for (std::size_t size = step; found.state == HeadScan::State::need_more;
         size = std::min(size + step, bytes.size())) {
      found = scan_head(std::string_view(bytes).substr(0, size), resume);
      ASSERT_LE(resume, size);
    }
    EXPECT_EQ(found.state, HeadScan::State::complete) << step;
    EXPECT_EQ(found.size, head.size()) << step;
  }
}

TEST(ScanHeadTest, refuses_bare_line_feeds_and_folded_lines_before_the_head_is_complete) {
  for (const auto bytes : {"\n"sv, "GET / HTTP/1.1\n"sv, "GET / HTTP/1.1\r\nHost: a\nX"sv, "GET / HTTP/1.1\r\n X: y"sv,
                           "GET / HTTP/1.1\r\nX: y\r\n\tz"sv}) {
    EXPECT_EQ(scan(bytes).state, HeadScan::State::refused) << bytes;
    EXPECT_EQ(scan(bytes).refusal.status, 400U) << bytes;
  }
  EXPECT_EQ(scan("GET / HTTP/1.1\r\nHost: a\r").state, HeadScan::State::need_more);
  EXPECT_EQ(scan("").state, HeadScan::State::need_more);
}

TEST(FramingTest, knows_what_may_begin_a_request) {
  EXPECT_TRUE(can_begin_request('G'));
  EXPECT_TRUE(can_begin_request('\r'));
  EXPECT_FALSE(can_begin_request('\x16'));  // a TLS hello
  EXPECT_FALSE(can_begin_request(' '));
  EXPECT_FALSE(can_begin_request('\0'));
  EXPECT_FALSE(can_begin_request('\xff'));
}

TEST(FramingTest, takes_lengths_of_digits_only) {
  EXPECT_EQ(parse_length("0"), 0U);
  EXPECT_EQ(parse_length("007"), 7U);
  EXPECT_EQ(parse_length("18446744073709551615"), UINT64_MAX);
  for (const auto text :
       {"", "+5", "-5", " 5", "5 ", "5,5", "0x5", "5a", "18446744073709551616", "99999999999999999999999"}) {
    EXPECT_FALSE(parse_length(text)) << text;
  }
}

TEST(FramingTest, takes_hosts_that_are_authorities_only) {
  for (const auto text : {"a", "localhost", "example.com:80", "127.0.0.1:8000", "[::1]", "[::1]:65535",
                          "a:", "xn--a.b-c_d", "[::ffff:1.2.3.4]"}) {
    EXPECT_TRUE(is_authority(text)) << text;
  }
  for (const auto text :
       {"",     ":",   ":80", "a b", "a/b",    "a?b",   "a#b",  "user@a", "a:b",   "a:65536",     "a:123456",
        "[::1", "::1", "[]",  "[a]", "[::1]x", "a,b c", "a\"b", "a\\b",   "a\x80", "[::1]:80:80", "a:80:80"}) {
    EXPECT_FALSE(is_authority(text)) << text;
  }
  EXPECT_FALSE(is_authority("a\0b"sv));
  EXPECT_FALSE(is_authority(std::string(300, 'a')));
}

TEST(FramingTest, takes_targets_apart) {
  EXPECT_EQ(split_target("GET", "/a?b=c").path_and_query, "/a?b=c");
  EXPECT_EQ(split_target("GET", "http://h:1/a").authority, "h:1");
  EXPECT_EQ(split_target("GET", "HTTP://h/a").path_and_query, "/a");
  EXPECT_EQ(split_target("GET", "http://h").path_and_query, "/");
  EXPECT_EQ(split_target("OPTIONS", "*").path_and_query, "*");
  EXPECT_EQ(split_target("GET", "*").refusal.status, 400U);
  EXPECT_EQ(split_target("CONNECT", "h:1").refusal.status, 501U);
  for (const auto target : {"a", "h:80", "ftp://h/", "http://", "http:///a", "http://u@h/", "http://h?x", "/a#b",
                            "/<a>", "/a\x80", "//a\x7f"}) {
    EXPECT_EQ(split_target("GET", target).refusal.status, 400U) << target;
  }
}

TEST(FramingTest, accepts_what_can_be_read_in_one_way_only) {
  const HeadFacts plain{.hosts = 1, .host = "a"};
  EXPECT_FALSE(judge_framing(plain).refusal);

  auto facts = plain;
  facts.lengths = 1;
  facts.length = "5";
  EXPECT_EQ(judge_framing(facts).content_length, 5U);
  facts.lengths = 2;
  EXPECT_EQ(judge_framing(facts).refusal.status, 400U);

  facts = plain;
  facts.codings = 1;
  facts.coding = "ChunkeD";
  EXPECT_TRUE(judge_framing(facts).chunked);
  for (const auto coding : {"", "gzip", "gzip, chunked", "chunked, chunked", "identity", "xchunked", "chunked;a=b"}) {
    facts.coding = coding;
    EXPECT_EQ(judge_framing(facts).refusal.status, 400U) << coding;
  }
  facts.coding = "chunked";
  facts.codings = 2;
  EXPECT_EQ(judge_framing(facts).refusal.status, 400U);
  facts.codings = 1;
  facts.version = 10;
  EXPECT_EQ(judge_framing(facts).refusal.status, 400U);
  facts.version = 11;
  facts.lengths = 1;
  facts.length = "5";
  EXPECT_EQ(judge_framing(facts).refusal.status, 400U);
}

TEST(FramingTest, wants_exactly_one_host_but_for_http_1_0) {
  HeadFacts facts;
  EXPECT_EQ(judge_framing(facts).refusal.status, 400U);
  facts.version = 10;
  EXPECT_FALSE(judge_framing(facts).refusal);
  facts.hosts = 2;
  facts.host = "a";
  EXPECT_EQ(judge_framing(facts).refusal.status, 400U);
  facts.version = 11;
  EXPECT_EQ(judge_framing(facts).refusal.status, 400U);
}

TEST(FramingTest, continues_only_when_a_body_follows) {
  HeadFacts facts{
      .hosts = 1, .host = "a", .lengths = 1, .length = "1", .expectations = 1, .expectation = "100-Continue"};
  EXPECT_TRUE(judge_framing(facts).expects_continue);
  facts.length = "0";
  EXPECT_FALSE(judge_framing(facts).expects_continue);
  facts.expectation = "coffee";
  EXPECT_EQ(judge_framing(facts).refusal.status, 417U);
  facts.version = 10;
  EXPECT_FALSE(judge_framing(facts).refusal);
}

TEST(FramingTest, tells_other_versions_from_nonsense) {
  EXPECT_EQ(judge_version("GET / HTTP/2.0\r\n\r\n").status, 505U);
  EXPECT_EQ(judge_version("GET / HTTP/1.2\r\n\r\n").status, 505U);
  EXPECT_EQ(judge_version("GET / HTTP/1.1 \r\n\r\n").status, 400U);
  EXPECT_EQ(judge_version("GET / http/1.1\r\n\r\n").status, 400U);
  EXPECT_EQ(judge_version("GET / HTTP/11\r\n\r\n").status, 400U);
}

}  // namespace
}  // namespace weft::web
