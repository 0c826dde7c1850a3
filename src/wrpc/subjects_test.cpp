// SPDX-License-Identifier: Apache-2.0
#include "wrpc/subjects.hpp"

#include <gtest/gtest.h>

namespace weft::wrpc {
namespace {

// Data-plane facts 1.2.
TEST(SubjectsTest, are_those_of_the_facts) {
  EXPECT_EQ(invocation_subject("default", "hello", "wrpc:http/incoming-handler@0.1.0", "handle"),
            "default.hello.wrpc.0.0.1.wrpc:http/incoming-handler@0.1.0.handle");
  EXPECT_EQ(invocation_subject("default", "kvredis", "wrpc:keyvalue/store@0.2.0-draft", "get"),
            "default.kvredis.wrpc.0.0.1.wrpc:keyvalue/store@0.2.0-draft.get");
  EXPECT_EQ(invocation_subject("prod", "pinger", "", "run"), "prod.pinger.wrpc.0.0.1.run") << "at the root of a world";
  EXPECT_EQ(queue_group("default", "hello"), "default.hello");
}

TEST(SubjectsTest, drop_the_annotation_of_a_resources_function) {
  EXPECT_EQ(wire_function("[constructor]foo"), "foo");
  EXPECT_EQ(wire_function("[method]foo.bar"), "foo.bar");
  EXPECT_EQ(wire_function("[static]foo.bar"), "foo.bar");
  EXPECT_EQ(wire_function("foo"), "foo");
  EXPECT_EQ(wire_function(""), "");
  EXPECT_EQ(wire_function("[method"), "[method") << "none to drop";
}

TEST(SubjectsTest, find_the_call_and_the_channel_again) {
  for (const std::uint64_t number : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{12'345}, UINT64_MAX}) {
    const auto inbox = inbox_subject("_INBOX.abc", number);
    for (const std::string channel : {"", "params", "results.0.1", "cancel", "a.b..c"}) {
      const auto subject = channel.empty() ? inbox : inbox + "." + channel;
      const auto parsed = parse_inbox_subject("_INBOX.abc", subject);
      ASSERT_TRUE(parsed) << subject;
      EXPECT_EQ(parsed->call, number);
      EXPECT_EQ(parsed->channel, channel);
    }
  }
}

TEST(SubjectsTest, refuse_what_is_no_inbox_of_ours) {
  for (const std::string subject :
       {"", "_INBOX.abc", "_INBOX.abc.", "_INBOX.abcd.1", "_INBOX.abd.1", "_INBOX.abc.x", "_INBOX.abc.1x",
        "_INBOX.abc.-1", "_INBOX.abc.+1", "_INBOX.abc.01", "_INBOX.abc..results", "_INBOX.abc.1.",
        "_INBOX.abc.18446744073709551616", "x_INBOX.abc.1", "_INBOX.abc. 1"}) {
    EXPECT_FALSE(parse_inbox_subject("_INBOX.abc", subject)) << subject;
  }
}

}  // namespace
}  // namespace weft::wrpc
