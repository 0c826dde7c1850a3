// SPDX-License-Identifier: Apache-2.0
#include "bus/socket_frame.hpp"

#include <gtest/gtest.h>

namespace weft::bus {
namespace {

Frame make_frame() {
  return {.type = FrameType::message,
          .code = 7,
          .number = 0x0102030405060708,
          .text = "text",
          .message = {.subject = "a.b",
                      .reply = "c",
                      .headers = {{.name = "N", .value = "v"}, {.name = "M", .value = ""}},
                      .payload = std::string("\0\xff", 2)}};
}

void expect_same(const Frame& a, const Frame& b) {
  EXPECT_EQ(a.type, b.type);
  EXPECT_EQ(a.code, b.code);
  EXPECT_EQ(a.number, b.number);
  EXPECT_EQ(a.text, b.text);
  EXPECT_EQ(a.message.subject, b.message.subject);
  EXPECT_EQ(a.message.reply, b.message.reply);
  EXPECT_EQ(a.message.payload, b.message.payload);
  ASSERT_EQ(a.message.headers.size(), b.message.headers.size());
  for (std::size_t i = 0; i < a.message.headers.size(); ++i) {
    EXPECT_EQ(a.message.headers[i].name, b.message.headers[i].name);
    EXPECT_EQ(a.message.headers[i].value, b.message.headers[i].value);
  }
}

TEST(SocketFrameTest, reads_what_it_wrote_byte_by_byte_and_at_once) {
  const std::string bytes =
      *encode(make_frame()) + *encode({.type = FrameType::ping, .number = 3, .text = {}, .message = {}});
  FrameReader reader;
  std::size_t frames = 0;
  for (const char byte : bytes) {
    reader.feed(std::string_view(&byte, 1));
    const auto frame = reader.next();
    ASSERT_TRUE(frame);
    if (*frame) {
      if (frames++ == 0) expect_same(**frame, make_frame());
    }
  }
  EXPECT_EQ(frames, 2U);
  reader.feed(bytes);
  EXPECT_TRUE((*reader.next()).has_value());
  EXPECT_EQ((*reader.next())->number, 3U);
  EXPECT_FALSE((*reader.next()).has_value());
}

TEST(SocketFrameTest, refuses_a_frame_that_is_cut_anywhere_but_in_its_payload) {
  const std::string bytes = *encode(make_frame());
  const std::string_view body = std::string_view(bytes).substr(4);
  for (std::size_t size = 0; size + 2 < body.size(); ++size) EXPECT_FALSE(decode_frame(body.substr(0, size))) << size;
  EXPECT_TRUE(decode_frame(body.substr(0, body.size() - 2)));
}

TEST(SocketFrameTest, refuses_unknown_types_and_lengths_that_lie) {
  std::string body = encode(make_frame())->substr(4);
  body[0] = 99;
  EXPECT_FALSE(decode_frame(body));
  body[0] = 2;
  body[11] = '\xff';  // the subject's length
  EXPECT_FALSE(decode_frame(body));
  FrameReader reader;
  reader.feed(std::string("\x01\x00\x00\x01", 4));
  const auto frame = reader.next();
  ASSERT_FALSE(frame);
  EXPECT_EQ(frame.error().code(), Errc::malformed);
}

TEST(SocketFrameTest, holds_its_limit_to_the_byte) {
  Frame frame{.type = FrameType::publish, .text = {}, .message = {}};
  const std::size_t overhead = encode(frame)->size() - 4;
  frame.message.payload.assign(kMaxFrameBytes - overhead, 'x');
  const auto largest = encode(frame);
  ASSERT_TRUE(largest);
  FrameReader reader;
  reader.feed(*largest);
  EXPECT_TRUE((*reader.next()).has_value());
  frame.message.payload += 'x';
  EXPECT_FALSE(encode(frame));
}

}  // namespace
}  // namespace weft::bus
