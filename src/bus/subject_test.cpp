// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <string>

#include "bus/bus.hpp"
#include "bus/key_value.hpp"

namespace weft::bus {
namespace {

TEST(SubjectTest, matches_literal_tokens) {
  EXPECT_TRUE(matches("a", "a"));
  EXPECT_TRUE(matches("a.b.c", "a.b.c"));
  EXPECT_FALSE(matches("a.b", "a.b.c"));
  EXPECT_FALSE(matches("a.b.c", "a.b"));
  EXPECT_FALSE(matches("a", "A"));
  EXPECT_FALSE(matches("ab", "a"));
}

TEST(SubjectTest, matches_one_token_with_a_star) {
  EXPECT_TRUE(matches("*", "a"));
  EXPECT_TRUE(matches("a.*.c", "a.b.c"));
  EXPECT_TRUE(matches("*.*", "a.b"));
  EXPECT_FALSE(matches("*", "a.b"));
  EXPECT_FALSE(matches("a.*", "a"));
  EXPECT_FALSE(matches("a.b*", "a.bc"));
}

TEST(SubjectTest, matches_one_or_more_tokens_with_a_tail) {
  EXPECT_TRUE(matches(">", "a"));
  EXPECT_TRUE(matches(">", "a.b.c"));
  EXPECT_TRUE(matches("a.>", "a.b"));
  EXPECT_TRUE(matches("*.>", "a.b.c"));
  EXPECT_FALSE(matches("a.>", "a"));
  EXPECT_FALSE(matches("a.>", "b.c"));
}

TEST(SubjectTest, tells_subjects_from_patterns) {
  EXPECT_TRUE(check_subject("wasmbus.ctl.v1.default.host.ping"));
  EXPECT_TRUE(check_subject("a.b*c.d>"));
  EXPECT_TRUE(check_subject("$KV.x"));
  EXPECT_FALSE(check_subject("a.*"));
  EXPECT_FALSE(check_subject("a.>"));
  EXPECT_TRUE(check_pattern("a.*.>"));
  EXPECT_FALSE(check_pattern("a.>.b"));
  EXPECT_TRUE(has_wildcard("a.*"));
  EXPECT_TRUE(has_wildcard(">"));
  EXPECT_FALSE(has_wildcard("a.b*"));
}

TEST(SubjectTest, rejects_empty_tokens_blanks_and_what_is_too_long) {
  for (const char* subject : {"", ".", "a.", ".a", "a..b", "a b", "a\tb", "a\nb", "a\x7f"}) {
    EXPECT_FALSE(check_subject(subject)) << subject;
    EXPECT_FALSE(check_pattern(subject)) << subject;
  }
  EXPECT_TRUE(check_subject(std::string(2000, 'a')));
  EXPECT_FALSE(check_subject(std::string(2001, 'a')));
  EXPECT_FALSE(check_subject(std::string("a\0b", 3)));
}

TEST(SubjectTest, shows_a_bad_subject_on_one_short_line) {
  const auto outcome = check_subject("a\nb" + std::string(5000, 'x'));
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().message().find('\n'), std::string::npos);
  EXPECT_LT(outcome.error().message().size(), 300U);
}

TEST(SubjectTest, checks_queue_groups_keys_and_bucket_names) {
  EXPECT_TRUE(check_queue_group(""));
  EXPECT_TRUE(check_queue_group("a.b"));
  EXPECT_FALSE(check_queue_group("a b"));
  EXPECT_TRUE(check_key("COMPONENT_a-b/c=d.e"));
  for (const char* key : {"", ".a", "a.", "a..b", "a b", "a*"}) EXPECT_FALSE(check_key(key)) << key;
  EXPECT_TRUE(check_bucket_name("LATTICEDATA_my-lattice"));
  for (const char* name : {"", "a.b", "a b", "a/b"}) EXPECT_FALSE(check_bucket_name(name)) << name;
}

TEST(SubjectTest, checks_headers_and_sizes) {
  const Message plain{.subject = "a", .reply = "b", .headers = {{.name = "N", .value = "v"}}, .payload = "12345"};
  EXPECT_TRUE(check_message(plain, 11));
  EXPECT_FALSE(check_message(plain, 10));
  for (const auto& [name, value] :
       {std::pair<std::string, std::string>{"", "v"}, {"a:b", "v"}, {"a b", "v"}, {"a", "v\nw"}, {"a", {"v\0", 2}}}) {
    Message message = plain;
    message.headers = {{.name = name, .value = value}};
    EXPECT_FALSE(check_message(message, 1000)) << name;
  }
}

}  // namespace
}  // namespace weft::bus
