// SPDX-License-Identifier: Apache-2.0
#include "wrpc/body_inbox.hpp"
#include "wire/byte_stream.hpp"

#include <gtest/gtest.h>

#include <chrono>

namespace weft::wrpc {
namespace {

std::string chunk(std::string_view text) { return wire::encode_chunk(std::as_bytes(std::span(text))); }

std::shared_ptr<BacklogRoom> room(std::size_t bytes) {
  return std::make_shared<BacklogRoom>(BacklogLimits{.each = bytes, .shared = 0});
}

std::string trailers_of(const BodyInbox& inbox) {
  std::string text;
  for (const auto& [name, value] : inbox.trailers()) {
    text += name + ":" + value + " ";
  }
  return text;
}

const std::string kNoTrailers("\0", 1);

TEST(BodyInboxTest, is_whole_once_all_was_taken_and_the_trailers_are_there) {
  BodyInbox inbox(room(100));
  inbox.receive(chunk("hello"));
  EXPECT_EQ(inbox.buffered(), 5U);
  EXPECT_EQ(inbox.take(), "hello");
  EXPECT_EQ(inbox.take(), "");
  inbox.receive(chunk(" world") + std::string(wire::kStreamEnd));
  inbox.receive("");
  inbox.receive("spurious");
  EXPECT_FALSE(inbox.is_whole());
  inbox.receive_trailers(kNoTrailers);
  EXPECT_FALSE(inbox.is_whole()) << "something waits to be taken";
  EXPECT_EQ(inbox.take(), " world");
  EXPECT_TRUE(inbox.is_whole());
  EXPECT_FALSE(inbox.is_broken());
  inbox.receive_trailers("");
  EXPECT_TRUE(inbox.is_whole());
}

TEST(BodyInboxTest, what_came_inline_is_all) {
  BodyInbox inbox(room(3));
  inbox.set_whole("more than is kept of what streams");
  inbox.set_trailers({{"a", "b"}});
  inbox.receive("late");
  inbox.receive_trailers("late");
  EXPECT_EQ(inbox.take(), "more than is kept of what streams");
  EXPECT_TRUE(inbox.is_whole());
  EXPECT_EQ(trailers_of(inbox), "a:b ");
}

// Data-plane facts 1.8: the end of a channel is the end of a stream at the border of two chunks, an error within one.
TEST(BodyInboxTest, an_end_within_a_chunk_breaks_it_after_what_came) {
  const auto stream = chunk("ab") + chunk("cd");
  for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
    BodyInbox inbox(room(100));
    if (cut > 0) {
      inbox.receive(std::string_view(stream).substr(0, cut));
    }
    inbox.receive("");
    inbox.receive_trailers(kNoTrailers);
    const bool at_border = cut % 3 == 0;
    const auto taken = inbox.take();
    EXPECT_EQ(taken, std::string_view("abcd").substr(0, cut - (cut + 2) / 3)) << cut;
    EXPECT_EQ(inbox.is_whole(), at_border) << cut;
    EXPECT_EQ(inbox.is_broken(), !at_border) << cut;
    if (!at_border) {
      EXPECT_EQ(inbox.error().code(), Errc::malformed);
      inbox.receive(chunk("more"));
      EXPECT_EQ(inbox.take(), "");
    }
  }
}

TEST(BodyInboxTest, a_length_that_is_none_breaks_it) {
  BodyInbox inbox(room(100));
  inbox.receive(chunk("ab") + "\xff\xff\xff\xff\xff");
  EXPECT_FALSE(inbox.is_broken()) << "first what came before";
  EXPECT_EQ(inbox.take(), "ab");
  EXPECT_TRUE(inbox.is_broken());
}

TEST(BodyInboxTest, keeps_as_much_as_it_may) {
  for (const std::size_t size : {9U, 10U, 11U}) {
    BodyInbox inbox(room(10));
    inbox.receive(chunk(std::string(4, 'a')));
    inbox.receive(chunk(std::string(size - 4, 'b')));
    EXPECT_LE(inbox.buffered(), 10U);
    (void)inbox.take();
    EXPECT_EQ(inbox.is_broken(), size > 10) << size;
    if (size > 10) {
      EXPECT_EQ(inbox.error().code(), Errc::resource_exhausted);
    } else {
      inbox.receive(chunk(std::string(10, 'c')));
      EXPECT_EQ(inbox.take().size(), 10U) << "what was taken has made room";
    }
  }
}

TEST(BodyInboxTest, a_chunk_that_promises_gigabytes_costs_nothing) {
  BodyInbox inbox(room(10));
  inbox.receive("\xff\xff\xff\xff\x0f");
  inbox.receive("0123456789");
  EXPECT_EQ(inbox.buffered(), 10U);
  EXPECT_EQ(inbox.take(), "0123456789");
  EXPECT_FALSE(inbox.is_broken());
}

TEST(BodyInboxTest, trailers_come_in_any_pieces) {
  const Headers headers{{"x-t", "1"}, {"x-u", std::string(300, 'u')}};
  const auto encoded = encode_trailers(std::span<const web::Header>(headers));
  for (std::size_t step = 1; step <= encoded.size(); step += step < 10 ? 1 : 50) {
    BodyInbox inbox(room(10));
    inbox.set_whole("");
    for (std::size_t at = 0; at < encoded.size(); at += step) {
      EXPECT_FALSE(inbox.is_whole());
      inbox.receive_trailers(std::string_view(encoded).substr(at, step));
    }
    inbox.receive_trailers("");
    ASSERT_TRUE(inbox.is_whole()) << step;
    EXPECT_EQ(trailers_of(inbox), "x-t:1 x-u:" + std::string(300, 'u') + " ");
  }
}

TEST(BodyInboxTest, trailers_that_break_off_or_are_none_break_it) {
  for (const std::string bytes : {"", "\x01", "\x01\x01\x03x-t", "\x07"}) {
    BodyInbox inbox(room(10));
    inbox.set_whole("");
    if (!bytes.empty()) {
      inbox.receive_trailers(bytes);
    }
    inbox.receive_trailers("");
    EXPECT_TRUE(inbox.is_broken());
    EXPECT_EQ(inbox.error().code(), Errc::malformed);
  }
}

TEST(BodyInboxTest, trailers_are_bounded_and_no_work_for_hours) {
  BodyInbox inbox(room(10));
  inbox.set_whole("");
  // One entry that never ends, byte by byte.
  inbox.receive_trailers("\x01\x01\xff\xff\xff\x07");
  std::size_t sent = 6;
  const auto began = std::chrono::steady_clock::now();
  while (!inbox.is_broken()) {
    inbox.receive_trailers("x");
    ASSERT_LT(++sent, std::size_t{1} << 20);
  }
  EXPECT_EQ(inbox.error().code(), Errc::resource_exhausted);
  // Reading all of it again for each byte takes a minute and more.
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(10));
}

}  // namespace
}  // namespace weft::wrpc
