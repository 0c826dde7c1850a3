// SPDX-License-Identifier: Apache-2.0
#include "wrpc/incoming_call.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "wrpc/recording.hpp"

namespace weft::wrpc {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using namespace testing_support;

constexpr std::string_view kPaths[] = {"0.0", "0.1"};

class IncomingCallTest : public testing::Test {
 protected:
  void begin(std::string payload = "abc", const std::string& weft_call = {}) {
    bus::Message message{.subject = "T", .reply = "Rc", .headers = {}, .payload = std::move(payload)};
    message.headers.push_back({.name = "source-id", .value = "caller"});
    if (!weft_call.empty()) {
      message.headers.push_back({.name = std::string(kCallHeader), .value = weft_call});
    }
    call_ = std::make_unique<IncomingCall>(port_, events_, std::move(message), "Rs", max_value_bytes_);
    started_ = call_->start();
  }
  void begin_complete() { begin("abc", "complete;depth=2;timeout=1000"); }
  void tell(std::string_view channel, std::string payload = {}) {
    call_->receive(channel, message_with(std::move(payload)));
  }

  RecordingPort port_;
  IncomingRecorder events_;
  std::size_t max_value_bytes_ = 100;
  std::unique_ptr<IncomingCall> call_;
  Result<void> started_;
};

// ---- a caller of 1.x (data-plane facts 1.6, 1.10) ----

TEST_F(IncomingCallTest, a_unary_call) {
  begin();
  EXPECT_THAT(port_.take(), ElementsAre("Rc<Rs")) << "the accept: empty, without headers";
  EXPECT_THAT(events_.take(), IsEmpty());
  EXPECT_TRUE(call_->settle());
  EXPECT_THAT(port_.take(), IsEmpty()) << "accepted once";
  tell("params");
  EXPECT_THAT(events_.take(), ElementsAre("params abc"));
  EXPECT_TRUE(call_->answer("xy"));
  EXPECT_THAT(port_.take(), ElementsAre("Rc.results xy", "Rc.results"));
  EXPECT_EQ(call_->header("source-id"), "caller");
  EXPECT_EQ(call_->caller_inbox(), "Rc");
  EXPECT_FALSE(call_->weft());
}

TEST_F(IncomingCallTest, parameters_come_in_any_pieces) {
  for (const std::size_t first : {0U, 1U, 5U, 9U, 10U}) {
    const std::string params = "0123456789";
    begin(params.substr(0, first));
    for (const char byte : params.substr(first)) {
      tell("params", std::string(1, byte));
    }
    EXPECT_THAT(events_.take(), IsEmpty());
    tell("params");
    EXPECT_THAT(events_.take(), ElementsAre("params " + params));
  }
}

TEST_F(IncomingCallTest, results_are_cut_where_the_server_says) {
  port_ = RecordingPort(4);
  begin();
  tell("params");
  port_.take();
  EXPECT_TRUE(call_->answer("0123456789"));
  EXPECT_THAT(port_.take(), ElementsAre("Rc.results 0123", "Rc.results 4567", "Rc.results 89", "Rc.results"));
}

TEST_F(IncomingCallTest, no_results_are_an_end) {
  begin("");
  tell("params");
  port_.take();
  EXPECT_TRUE(call_->answer(""));
  EXPECT_THAT(port_.take(), ElementsAre("Rc.results"));
}

TEST_F(IncomingCallTest, what_holds_nothing_is_ended_with_the_answer) {
  begin();
  tell("params");
  port_.take();
  EXPECT_TRUE(call_->answer("x", kPaths));
  EXPECT_THAT(port_.take(), ElementsAre("Rc.results x", "Rc.results", std::string("Rc.results.0.0 \0", 16),
                                        "Rc.results.0.0", std::string("Rc.results.0.1 \0", 16), "Rc.results.0.1"));
}

TEST_F(IncomingCallTest, streams_follow_the_root) {
  begin();
  tell("params");
  port_.take();
  EXPECT_TRUE(call_->begin_answer("x"));
  EXPECT_TRUE(call_->send("0.0", "piece"));
  EXPECT_TRUE(call_->send("0.0", ""));
  EXPECT_TRUE(call_->finish("0.0"));
  EXPECT_THAT(port_.take(), ElementsAre("Rc.results x", "Rc.results", "Rc.results.0.0 piece", "Rc.results.0.0"));
}

TEST_F(IncomingCallTest, a_failure_has_no_words) {
  begin();
  tell("params");
  port_.take();
  EXPECT_TRUE(call_->fail({Errc::trap, "the guest trapped"}));
  EXPECT_THAT(port_.take(), ElementsAre("Rc.results"));
}

TEST_F(IncomingCallTest, who_fails_before_the_accept_accepts_first) {
  // The call of a weft host whose header does not parse is another's.
  begin("abc", "depth=x");
  EXPECT_FALSE(call_->weft());
  EXPECT_THAT(port_.take(), ElementsAre("Rc<Rs"));
  bus::Message message{.subject = "T", .reply = "Rc", .headers = {}, .payload = {}};
  IncomingCall refused(port_, events_, std::move(message), "Rs", 0);
  EXPECT_TRUE(refused.fail({Errc::not_found, "no such function"}));
  EXPECT_THAT(port_.take(), ElementsAre("Rc<Rs", "Rc.results"));
}

TEST_F(IncomingCallTest, what_comes_after_a_refusal_is_nobodys) {
  max_value_bytes_ = 10;
  begin();
  EXPECT_TRUE(call_->fail({Errc::not_found, "no such function"}));
  port_.take();
  tell("params", std::string(20, 'p'));
  tell("params");
  EXPECT_THAT(events_.take(), IsEmpty());
  EXPECT_THAT(port_.take(), IsEmpty()) << "one end";
}

TEST_F(IncomingCallTest, nested_parameters_and_ends_that_mean_nothing) {
  begin();
  tell("params.0");
  tell("params.0.0", "early");
  tell("params");
  tell("params.0.0", "late");
  tell("params.0.0");
  for (const auto* const nobodys : {"", "results", "paramsx", "param", "results.0"}) {
    tell(nobodys, "?");
  }
  EXPECT_THAT(events_.take(),
              ElementsAre("channel 0 ", "channel 0.0 early", "params abc", "channel 0.0 late", "channel 0.0 "));
}

TEST_F(IncomingCallTest, the_root_ends_once) {
  begin();
  tell("params");
  tell("params", "late");
  tell("params");
  EXPECT_THAT(events_.take(), ElementsAre("params abc"));
}

TEST_F(IncomingCallTest, parameters_end_at_their_cap) {
  max_value_bytes_ = 10;
  for (const auto& [sizes, fits] : std::vector<std::pair<std::vector<std::size_t>, bool>>{
           {{0, 10}, true}, {{3, 7}, true}, {{3, 8}, false}, {{10, 1}, false}, {{3, 1, 7}, false}, {{12, 1}, false}}) {
    begin(std::string(sizes[0], 'p'));
    port_.take();
    for (std::size_t index = 1; index < sizes.size(); ++index) {
      tell("params", std::string(sizes[index], 'p'));
    }
    tell("params");
    tell("params", "x");
    tell("cancel");
    const auto told = events_.take();
    ASSERT_THAT(told, SizeIs(fits ? 2 : 1));
    EXPECT_EQ(told[0].starts_with("params"), fits);
    if (!fits) {
      EXPECT_EQ(told[0], "gone resource_exhausted");
      EXPECT_THAT(port_.take(), ElementsAre("Rc.results")) << "the caller hears of it";
    }
  }
}

// ---- a caller that is weft ----

TEST_F(IncomingCallTest, a_complete_call_begins_at_once_and_is_answered_in_one_message) {
  begin_complete();
  EXPECT_THAT(events_.take(), ElementsAre("params abc"));
  EXPECT_THAT(port_.take(), IsEmpty());
  EXPECT_EQ(call_->weft()->depth, 2U);
  EXPECT_TRUE(call_->has_no_nested());
  EXPECT_TRUE(call_->answer("xy", kPaths));
  EXPECT_THAT(port_.take(), ElementsAre("Rc {weft-answer:results,} xy"));
  EXPECT_TRUE(call_->settle());
  EXPECT_THAT(port_.take(), IsEmpty()) << "answered already";
}

TEST_F(IncomingCallTest, a_call_that_takes_longer_is_accepted_by_the_end_of_the_turn) {
  begin_complete();
  EXPECT_TRUE(call_->settle());
  EXPECT_TRUE(call_->settle());
  EXPECT_THAT(port_.take(), ElementsAre("Rc<Rs {weft-accept:1,}"));
  EXPECT_TRUE(call_->answer("xy"));
  EXPECT_THAT(port_.take(), ElementsAre("Rc {weft-answer:results,} xy"));
}

TEST_F(IncomingCallTest, a_weft_call_that_is_not_complete_waits_for_its_end) {
  begin("abc", "depth=0");
  EXPECT_THAT(port_.take(), ElementsAre("Rc<Rs {weft-accept:1,}"));
  EXPECT_THAT(events_.take(), IsEmpty());
  tell("params", "d");
  tell("params");
  EXPECT_THAT(events_.take(), ElementsAre("params abcd"));
  EXPECT_FALSE(call_->has_no_nested());
}

TEST_F(IncomingCallTest, results_that_one_message_has_no_room_for_are_sent_as_to_everybody) {
  const auto head = header_bytes({{.name = std::string(kAnswerHeader), .value = "results"}});
  for (const std::size_t over : {0U, 1U}) {
    port_ = RecordingPort(head + 10);
    begin_complete();
    const std::string results(10 + over, 'r');
    EXPECT_TRUE(call_->answer(results, std::span(kPaths, 1)));
    if (over == 0) {
      EXPECT_THAT(port_.take(), ElementsAre("Rc {weft-answer:results,} " + results));
    } else {
      EXPECT_THAT(port_.take(), ElementsAre("Rc<Rs {weft-accept:1,}", "Rc.results " + results, "Rc.results",
                                            std::string("Rc.results.0.0 \0", 16), "Rc.results.0.0"));
    }
  }
}

TEST_F(IncomingCallTest, a_weft_caller_is_told_the_error) {
  for (const bool is_settled : {false, true}) {
    begin_complete();
    if (is_settled) {
      EXPECT_TRUE(call_->settle());
    }
    port_.take();
    EXPECT_TRUE(call_->fail({Errc::trap, "the guest trapped"}));
    ASSERT_THAT(port_.sent, SizeIs(1));
    EXPECT_EQ(port_.sent[0].header(kAnswerHeader), "error");
    EXPECT_EQ(decode_error(port_.sent[0].payload).message(), "the guest trapped");
  }
}

TEST_F(IncomingCallTest, an_error_that_fits_no_message_is_an_end) {
  port_ = RecordingPort(40);
  begin_complete();
  EXPECT_TRUE(call_->fail({Errc::trap, std::string(100, 'x')}));
  EXPECT_THAT(port_.take(), ElementsAre("Rc<Rs {weft-accept:1,}", "Rc.results"));
}

TEST_F(IncomingCallTest, a_caller_that_gives_up_is_told_of_once) {
  begin_complete();
  events_.take();
  tell("cancel");
  tell("cancel");
  tell("params.0.0", "x");
  EXPECT_THAT(events_.take(), ElementsAre("gone cancelled"));
}

TEST_F(IncomingCallTest, an_early_end_of_parameters_is_no_cancel) {
  // Data-plane facts 1.11: callers written in Rust end the channel once more when they go.
  begin();
  tell("params");
  tell("params");
  EXPECT_THAT(events_.take(), ElementsAre("params abc"));
}

TEST_F(IncomingCallTest, an_event_may_destroy_it) {
  events_.reaction = [this] { call_.reset(); };
  for (const auto* const channel : {"params", "params.0", "cancel"}) {
    begin();
    tell(channel);
    EXPECT_EQ(call_, nullptr) << channel;
  }
  max_value_bytes_ = 3;
  begin();
  tell("params", "x");
  EXPECT_EQ(call_, nullptr);
}

TEST_F(IncomingCallTest, what_cannot_be_sent_is_an_error) {
  port_.works_for = 0;
  begin();
  EXPECT_FALSE(started_);
  port_.works_for = SIZE_MAX;
  begin();
  tell("params");
  for (std::size_t works = 0; works < 2; ++works) {
    port_.works_for = works;
    EXPECT_FALSE(call_->answer("x"));
    EXPECT_FALSE(call_->begin_answer("x"));
  }
  port_.works_for = 0;
  EXPECT_FALSE(call_->send("0", "x"));
  EXPECT_FALSE(call_->finish("0"));
  EXPECT_FALSE(call_->fail({Errc::io, "x"}));
}

}  // namespace
}  // namespace weft::wrpc
