// SPDX-License-Identifier: Apache-2.0
#include "host/question_body.hpp"

#include <gtest/gtest.h>

namespace weft::host {
namespace {

TEST(QuestionBodyTest, a_call_names_component_and_function) {
  const auto call = decode_call_question(
      R"({"component":"cart","function":"acme:shop/cart#add","arguments":["1","[2]"],"format":"json","reference":"ghcr.io/a/b:1","more":1})");
  ASSERT_TRUE(call) << call.error().to_string();
  EXPECT_EQ(*call, (CallQuestion{"cart", "acme:shop/cart#add", {"1", "[2]"}, ValueFormat::json, "ghcr.io/a/b:1"}));
  EXPECT_EQ(*decode_call_question(encode(*call)), *call);
  const auto least = decode_call_question(R"({"component":"cart","function":"f"})");
  ASSERT_TRUE(least);
  EXPECT_EQ(*least, (CallQuestion{"cart", "f", {}, ValueFormat::wave, ""}));
}

TEST(QuestionBodyTest, a_call_that_says_less_or_otherwise_is_refused_by_name) {
  const auto message = [](std::string_view body) {
    const auto call = decode_call_question(body);
    return call ? "(taken)" : call.error().message();
  };
  EXPECT_NE(message("").find("JSON object"), std::string::npos);
  EXPECT_NE(message("[]").find("JSON object"), std::string::npos);
  EXPECT_NE(message(R"({"function":"f"})").find("\"component\""), std::string::npos);
  EXPECT_NE(message(R"({"component":"a"})").find("\"function\""), std::string::npos);
  EXPECT_NE(message(R"({"component":1,"function":"f"})").find("\"component\""), std::string::npos);
  EXPECT_NE(message(R"({"component":"a","function":"f","arguments":"1"})").find("\"arguments\""), std::string::npos);
  EXPECT_NE(message(R"({"component":"a","function":"f","arguments":[1]})").find("\"arguments\""), std::string::npos);
  EXPECT_NE(message(R"({"component":"a","function":"f","format":"xml"})").find("\"format\""), std::string::npos);
}

TEST(QuestionBodyTest, a_question_has_a_size_it_may_not_pass) {
  CallQuestion question{"a", "f", std::vector<std::string>(kMaxArguments), ValueFormat::wave, {}};
  EXPECT_TRUE(decode_call_question(encode(question)));
  question.arguments.emplace_back();
  EXPECT_FALSE(decode_call_question(encode(question)));
  question.arguments = {std::string(kMaxQuestionBytes, 'x')};
  EXPECT_FALSE(decode_call_question(encode(question)));
  EXPECT_FALSE(decode_logs_question(std::string(kMaxQuestionBytes + 1, 'x')));
}

TEST(QuestionBodyTest, logs_are_asked_for_in_json_or_by_a_name_alone) {
  EXPECT_EQ(*decode_logs_question(""), LogsQuestion{});
  EXPECT_EQ(*decode_logs_question("cart"), (LogsQuestion{.component = "cart"}));
  EXPECT_EQ(*decode_logs_question("{}"), LogsQuestion{});
  EXPECT_EQ(*decode_logs_question(R"({"component":"cart","after":7,"limit":20})"), (LogsQuestion{"cart", 7, 20}));
  EXPECT_EQ(*decode_logs_question(encode(LogsQuestion{})), LogsQuestion{});
  EXPECT_FALSE(decode_logs_question(R"({"after":-1})"));
  EXPECT_FALSE(decode_logs_question(R"({"limit":"many"})"));
  EXPECT_FALSE(decode_logs_question("{"));
}

}  // namespace
}  // namespace weft::host
