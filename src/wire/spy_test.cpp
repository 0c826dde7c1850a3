// SPDX-License-Identifier: Apache-2.0
#include "wire/spy.hpp"

#include <gtest/gtest.h>

#include <string>

namespace weft::wire {
namespace {

SpiedCall call() {
  return {.number = 7,
          .time = "2026-11-20T21:21:11.865985051Z",
          .nanoseconds = 1'500,
          .way = CallWay::out,
          .source = "shop",
          .link_name = "default",
          .target = "cart",
          .interface = "acme:shop/cart@1.0.0",
          .function = "[method]cart.add",
          .params = {.text = R"(item: "tea \"green\"", count: 2)", .bytes = 14, .streams = 1},
          .results = {.text = "ok", .bytes = 1},
          .error = "",
          .http = {}};
}

TEST(SpyTest, questions_come_back_as_they_were) {
  SpyQuestion first;
  first.component = "shop";
  first.interface = "keyvalue";
  first.function = "get";
  first.text_bytes = 100;
  SpyQuestion next;
  next.session = "s";
  next.after = 12;
  next.wait = std::chrono::milliseconds(500);
  next.end = true;
  for (const auto& question : {first, next, SpyQuestion{}}) {
    const auto again = decode_spy_question(encode(question));
    ASSERT_TRUE(again);
    EXPECT_EQ(*again, question);
  }
}

TEST(SpyTest, what_a_question_may_ask_for_has_limits) {
  const auto question = decode_spy_question(R"({"wait_ms":99999999999,"text_bytes":99999999999})");
  ASSERT_TRUE(question);
  EXPECT_EQ(question->wait, kMaxSpyWait);
  EXPECT_EQ(question->text_bytes, kMaxSpyText);
}

TEST(SpyTest, answers_come_back_as_they_were) {
  auto request = call();
  request.http = {.method = "GET", .authority = "shop.example", .path = "/cart?x=1", .status = 200};
  request.error = "it failed";
  request.way = CallWay::in;
  const SpyAnswer answer{.session = "s", .dropped = 3, .calls = {call(), request}};
  const auto again = decode_spy_answer(encode(answer));
  ASSERT_TRUE(again);
  EXPECT_EQ(*again, answer);
  const auto empty = decode_spy_answer(encode(SpyAnswer{.session = "s", .calls = {}}));
  ASSERT_TRUE(empty);
  EXPECT_TRUE(empty->calls.empty());
}

TEST(SpyTest, text_that_is_no_utf8_does_not_spoil_an_answer) {
  auto odd = call();
  odd.source = "\xff\xfe";
  const auto again = decode_spy_answer(encode(SpyAnswer{.session = "s", .calls = {odd}}));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->calls.at(0).target, "cart");
}

TEST(SpyTest, what_is_no_answer_is_named_without_its_values) {
  for (const std::string text :
       {"", "[]", R"({"calls":[]})", R"({"session":"s"})", R"({"session":"s","calls":[7]})",
        R"({"session":"s","calls":[{"number":1,"source":"top secret"}]})",
        R"({"session":"s","calls":[{"number":1,"time":"","nanoseconds":0,"way":"secret"}]})"}) {
    const auto answer = decode_spy_answer(text);
    ASSERT_FALSE(answer) << text;
    EXPECT_EQ(answer.error().code(), Errc::malformed) << text;
    EXPECT_EQ(answer.error().message().find("secret"), std::string::npos) << text;
  }
}

}  // namespace
}  // namespace weft::wire
