// SPDX-License-Identifier: Apache-2.0
#include "wrpc/call_headers.hpp"

#include <gtest/gtest.h>

namespace weft::wrpc {
namespace {

using namespace std::chrono_literals;

TEST(CallHeadersTest, what_weft_says_of_a_call_is_read_again) {
  for (const WeftCall call :
       {WeftCall{}, WeftCall{.is_complete = true}, WeftCall{.depth = 63}, WeftCall{.depth = UINT32_MAX},
        WeftCall{.is_complete = true, .depth = 3, .timeout = 59'990ms}, WeftCall{.timeout = 0ms}}) {
    const auto text = encode_weft_call(call);
    EXPECT_EQ(decode_weft_call(text), call) << text;
  }
  EXPECT_EQ(encode_weft_call({.is_complete = true, .depth = 3, .timeout = 59'990ms}), "complete;depth=3;timeout=59990");
}

TEST(CallHeadersTest, a_time_that_no_number_holds_is_the_next_that_one_does) {
  EXPECT_EQ(decode_weft_call(encode_weft_call({.timeout = -5ms}))->timeout, 0ms);
  EXPECT_EQ(decode_weft_call(encode_weft_call({.timeout = 100'000h}))->timeout, std::chrono::milliseconds(UINT32_MAX));
}

TEST(CallHeadersTest, what_a_later_version_adds_is_passed_over) {
  EXPECT_EQ(decode_weft_call("depth=2;priority=high;complete;;"), (WeftCall{.is_complete = true, .depth = 2}));
  EXPECT_EQ(decode_weft_call("completely"), WeftCall{});
  EXPECT_EQ(decode_weft_call(""), WeftCall{});
}

TEST(CallHeadersTest, what_does_not_parse_counts_as_none) {
  for (const auto* const text : {"depth=", "depth=x", "depth=1x", "depth=-1", "depth=4294967296",
                                 "timeout=", "timeout=1.5", "complete;timeout=4294967296", "timeout= 1"}) {
    EXPECT_FALSE(decode_weft_call(text)) << text;
  }
}

TEST(CallHeadersTest, an_error_keeps_its_words) {
  const Error error(Errc::trap, "the guest \"trapped\"\n\xc3\xa9", "look\tat it", Blame::guest);
  const auto read = decode_error(encode_error(error));
  EXPECT_EQ(read.code(), error.code());
  EXPECT_EQ(read.message(), error.message());
  EXPECT_EQ(read.hint(), error.hint());
  EXPECT_EQ(read.blame(), error.blame());
}

TEST(CallHeadersTest, every_code_and_blame_travels) {
  for (auto code = static_cast<int>(Errc::internal); code <= static_cast<int>(Errc::refused); ++code) {
    EXPECT_EQ(decode_error(encode_error({static_cast<Errc>(code), "x"})).code(), static_cast<Errc>(code));
  }
  for (const auto blame : {Blame::host, Blame::guest, Blame::peer, Blame::operator_, Blame::environment}) {
    EXPECT_EQ(decode_error(encode_error({Errc::io, "x", {}, blame})).blame(), blame);
  }
}

TEST(CallHeadersTest, whatever_the_bytes_are_an_error_comes_of_them) {
  for (const std::string payload :
       {"", "{", "[]", "null", "{}", R"({"code":0,"message":""})", R"({"code":999999999999999999999,"message":7})",
        R"({"code":-1,"blame":99,"message":{"a":1},"hint":[]})", "\xff\xfe"}) {
    const auto error = decode_error(payload);
    EXPECT_FALSE(error.message().empty()) << payload;
    EXPECT_GE(error.code(), Errc::internal);
    EXPECT_LE(error.code(), Errc::refused);
    EXPECT_LE(error.blame(), Blame::environment);
  }
  EXPECT_EQ(decode_error(R"({"code":19,"message":"x"})").code(), Errc::internal) << "of a later version";
  EXPECT_EQ(decode_error(std::string(100'000, '[')).code(), Errc::malformed);
}

// Data-plane facts 1.5, step 3.
TEST(CallHeadersTest, counts_the_bytes_of_headers_as_the_server_does) {
  EXPECT_EQ(header_bytes({}), 0U);
  EXPECT_EQ(header_bytes({{.name = "a", .value = "b"}}), std::string_view("NATS/1.0\r\na: b\r\n\r\n").size());
  EXPECT_EQ(header_bytes({{.name = "source-id", .value = "x"}, {.name = "e", .value = ""}}),
            std::string_view("NATS/1.0\r\nsource-id: x\r\ne: \r\n\r\n").size());
}

}  // namespace
}  // namespace weft::wrpc
