// SPDX-License-Identifier: Apache-2.0
#include "wrpc/outgoing_call.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "wrpc/call_headers.hpp"
#include "wrpc/recording.hpp"

namespace weft::wrpc {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using namespace testing_support;

constexpr std::string_view kPaths[] = {"0.0", "0.1"};

class OutgoingCallTest : public testing::Test {
 protected:
  void begin(std::string_view params = "abc", OutgoingCallSpec spec = {}) {
    spec.subject = "T";
    spec.inbox = "Rc";
    call_ = std::make_unique<OutgoingCall>(port_, events_, std::move(spec));
    started_ = call_->start(bytes_of(params));
  }
  /// As weft calls: everything is in the first message.
  void begin_complete(std::string_view params = "abc", std::vector<std::string_view> pending = {}) {
    begin(params, {.subject = {},
                   .inbox = {},
                   .headers = {{.name = std::string(kCallHeader), .value = "complete;depth=0"}},
                   .pending = std::move(pending),
                   .is_complete = true});
  }
  void tell(std::string_view channel, std::string payload = {}) {
    call_->receive(channel, message_with(std::move(payload)));
  }
  void accept(const std::string& inbox = "Rs") {
    call_->receive("", {.subject = "Rc", .reply = inbox, .headers = {}, .payload = {}});
  }
  void accept_as_weft() {
    call_->receive("", {.subject = "Rc",
                        .reply = "Rs",
                        .headers = {{.name = std::string(kAcceptHeader), .value = "1"}},
                        .payload = {}});
  }
  void answer_directly(const std::string& kind, std::string payload) {
    call_->receive("", {.subject = "Rc",
                        .reply = {},
                        .headers = {{.name = std::string(kAnswerHeader), .value = kind}},
                        .payload = std::move(payload)});
  }
  void tell_status(const std::string& status, const std::string& reply = {}) {
    call_->receive("",
                   {.subject = "Rc", .reply = reply, .headers = {{.name = "Status", .value = status}}, .payload = {}});
  }

  RecordingPort port_;
  OutgoingRecorder events_;
  std::unique_ptr<OutgoingCall> call_;
  Result<void> started_;
};

// ---- a peer of 1.x (data-plane facts 1.5, 1.10) ----

TEST_F(OutgoingCallTest, a_unary_call) {
  begin();
  ASSERT_TRUE(started_);
  EXPECT_THAT(port_.take(), ElementsAre("T<Rc abc"));
  accept();
  EXPECT_THAT(port_.take(), ElementsAre("Rs.params")) << "the end of the parameters is mandatory";
  EXPECT_THAT(events_.take(), ElementsAre("accepted"));
  tell("results", "xy");
  EXPECT_THAT(events_.take(), IsEmpty());
  tell("results");
  EXPECT_THAT(events_.take(), ElementsAre("results xy"));
  EXPECT_THAT(port_.take(), IsEmpty());
}

TEST_F(OutgoingCallTest, no_parameters_and_no_results) {
  begin("");
  EXPECT_THAT(port_.take(), ElementsAre("T<Rc"));
  accept();
  EXPECT_THAT(port_.take(), ElementsAre("Rs.params"));
  tell("results");
  EXPECT_THAT(events_.take(), ElementsAre("accepted", "results "));
}

TEST_F(OutgoingCallTest, results_that_come_byte_by_byte) {
  begin();
  accept();
  const std::string results(1000, 'r');
  for (const char byte : results) {
    tell("results", std::string(1, byte));
  }
  tell("results");
  EXPECT_THAT(events_.take(), ElementsAre("accepted", "results " + results));
}

TEST_F(OutgoingCallTest, the_first_message_leaves_room_for_inbox_and_headers) {
  for (std::size_t max = 0; max < 40; ++max) {
    for (const bool has_headers : {false, true}) {
      port_ = RecordingPort(max);
      const std::string params = "0123456789012345678901234567890123456789";
      std::vector<bus::MessageHeader> headers;
      if (has_headers) {
        headers.push_back({.name = "a", .value = "b"});
      }
      const auto taken = 2 + (has_headers ? 12U + 6U : 0U);
      const auto room = max > taken ? max - taken : 0;
      begin(params, {.subject = {}, .inbox = {}, .headers = headers});
      ASSERT_EQ(port_.sent.size(), 1U);
      EXPECT_EQ(port_.sent[0].payload, params.substr(0, room)) << max;
      accept();
      const auto [rest, ends] = port_.channel("Rs.params");
      EXPECT_EQ(port_.sent[0].payload + rest, params);
      EXPECT_EQ(ends, 1U);
      EXPECT_TRUE(port_.sent.back().payload.empty());
      for (std::size_t index = 1; index < port_.sent.size(); ++index) {
        EXPECT_LE(port_.sent[index].payload.size(), std::max<std::size_t>(max, 1));
        EXPECT_TRUE(port_.sent[index].reply.empty() && port_.sent[index].headers.empty());
      }
    }
  }
}

TEST_F(OutgoingCallTest, large_parameters_follow_in_order) {
  port_ = RecordingPort(6);
  begin("0123456789abcdef");
  EXPECT_THAT(port_.take(), ElementsAre("T<Rc 0123"));
  accept();
  EXPECT_THAT(port_.take(), ElementsAre("Rs.params 456789", "Rs.params abcdef", "Rs.params"));
}

TEST_F(OutgoingCallTest, nested_parameters_are_sent_by_their_owner) {
  port_ = RecordingPort(4);
  begin("abc", {.subject = {}, .inbox = {}, .headers = {}, .pending = {kPaths[0], kPaths[1]}});
  accept();
  port_.take();
  EXPECT_TRUE(call_->send("0.0", "hello"));
  EXPECT_TRUE(call_->send("0.0", ""));
  EXPECT_TRUE(call_->finish("0.0"));
  EXPECT_THAT(port_.take(), ElementsAre("Rs.params.0.0 hell", "Rs.params.0.0 o", "Rs.params.0.0"));
}

TEST_F(OutgoingCallTest, nested_results_and_ends_that_mean_nothing) {
  begin();
  accept();
  events_.take();
  tell("results.0");  // what a peer written in Rust sends while it walks into a record
  tell("results.0.0", "before the root");
  tell("results", "x");
  tell("results");
  tell("results.0.0", "a");
  tell("results.0.0");
  tell("results.0.1", "b");
  for (const auto* const nobodys : {"params", "cancel", "resultsx", "result"}) {
    tell(nobodys, "?");
  }
  EXPECT_THAT(events_.take(), ElementsAre("channel 0 ", "channel 0.0 before the root", "results x", "channel 0.0 a",
                                          "channel 0.0 ", "channel 0.1 b"));
}

TEST_F(OutgoingCallTest, the_root_ends_once) {
  begin();
  accept();
  tell("results");
  tell("results", "late");
  tell("results");
  tell_status("503");
  accept("Rt");
  EXPECT_THAT(events_.take(), ElementsAre("accepted", "results "));
}

TEST_F(OutgoingCallTest, the_first_who_accepts_has_the_call) {
  begin();
  accept("Rs");
  port_.take();
  accept("Rt");
  EXPECT_THAT(port_.take(), IsEmpty());
  EXPECT_THAT(events_.take(), ElementsAre("accepted"));
  EXPECT_TRUE(call_->send("0", "x"));
  EXPECT_THAT(port_.take(), ElementsAre("Rs.params.0 x"));
}

// ---- what goes wrong (data-plane facts 1.5 step 4, 1.11) ----

TEST_F(OutgoingCallTest, every_status_in_the_place_of_an_accept_has_its_error) {
  for (const auto& [status, told] :
       std::vector<std::pair<std::string, std::string>>{{"503", "failed unavailable/not_delivered"},
                                                        {"408", "failed deadline_exceeded/unknown"},
                                                        {"409", "failed unavailable/unknown"},
                                                        {"404", "failed unavailable/unknown"},
                                                        {"nonsense", "failed unavailable/unknown"}}) {
    begin();
    tell_status(status);
    EXPECT_THAT(events_.take(), ElementsAre(told)) << status;
    tell_status(status);
    accept();
    tell("results");
    tell("results.0", "x");
    EXPECT_THAT(events_.take(), IsEmpty()) << "it has ended";
    port_.take();
  }
}

TEST_F(OutgoingCallTest, a_status_that_says_all_is_well_is_none) {
  begin();
  tell_status("200", "Rs");
  EXPECT_THAT(events_.take(), ElementsAre("accepted"));
}

TEST_F(OutgoingCallTest, a_status_after_the_accept_does_not_undo_it) {
  begin();
  accept();
  tell_status("503");
  tell("results", "x");
  tell("results");
  EXPECT_THAT(events_.take(), ElementsAre("accepted", "results x")) << "else it would be tried elsewhere as well";
}

TEST_F(OutgoingCallTest, an_answer_without_an_inbox_is_none) {
  begin();
  accept("");
  EXPECT_THAT(events_.take(), ElementsAre("failed malformed/unknown"));
}

TEST_F(OutgoingCallTest, results_before_the_accept_are_a_breach) {
  for (const auto* const channel : {"results", "results.0.0"}) {
    begin();
    tell(channel, "x");
    accept();
    tell(channel);
    EXPECT_THAT(events_.take(), ElementsAre("failed malformed/unknown")) << channel;
    EXPECT_EQ(port_.channel("Rs.params").second, 0U);
  }
}

TEST_F(OutgoingCallTest, results_end_at_their_cap) {
  for (const auto& [sizes, fits] : std::vector<std::pair<std::vector<std::size_t>, bool>>{
           {{10}, true}, {{11}, false}, {{9, 1}, true}, {{9, 2}, false}, {{10, 1}, false}}) {
    begin("abc", {.subject = {}, .inbox = {}, .max_value_bytes = 10});
    accept();
    events_.take();
    for (const auto size : sizes) {
      tell("results", std::string(size, 'r'));
    }
    tell("results");
    EXPECT_EQ(events_.outcomes, 1);
    EXPECT_EQ(events_.lines.back().starts_with("results"), fits);
    if (!fits) {
      EXPECT_THAT(events_.lines, ElementsAre("failed resource_exhausted/accepted"));
    }
    events_ = {};
  }
}

TEST_F(OutgoingCallTest, what_cannot_be_sent_ends_it) {
  port_.works_for = 0;
  begin();
  EXPECT_FALSE(started_);
  EXPECT_THAT(events_.take(), IsEmpty()) << "start() has said it";

  port_ = RecordingPort(6);
  port_.works_for = 2;
  begin("0123456789abcdef");
  EXPECT_TRUE(started_);
  accept();
  EXPECT_THAT(events_.take(), ElementsAre("failed unavailable/accepted"));
  tell("results");
  EXPECT_THAT(events_.take(), IsEmpty());
}

TEST_F(OutgoingCallTest, an_event_may_destroy_it) {
  const std::vector<std::function<void()>> ends = {
      [this] { accept(); },
      [this] { tell_status("503"); },
      [this] { accept(""); },
      [this] { answer_directly("results", "x"); },
      [this] { answer_directly("error", "{}"); },
      [this] { tell("results", "early"); },
  };
  for (const auto& end : ends) {
    begin();
    events_.reaction = [this] { call_.reset(); };
    end();
    EXPECT_EQ(call_, nullptr);
    events_.reaction = nullptr;
  }
  for (const auto* const channel : {"results", "results.0"}) {
    begin();
    accept();
    events_.reaction = [this] { call_.reset(); };
    tell(channel);
    EXPECT_EQ(call_, nullptr);
    events_.reaction = nullptr;
  }
}

// ---- a peer that is weft (call_headers.hpp) ----

TEST_F(OutgoingCallTest, a_weft_peer_that_has_everything_is_sent_nothing_more) {
  begin_complete("abc", {kPaths[0], kPaths[1]});
  EXPECT_THAT(port_.take(), ElementsAre("T<Rc {weft-call:complete;depth=0,} abc"));
  accept_as_weft();
  EXPECT_THAT(port_.take(), IsEmpty());
  tell("results", "x");
  tell("results");
  EXPECT_THAT(events_.take(), ElementsAre("accepted", "results x"));
}

TEST_F(OutgoingCallTest, another_peer_is_sent_what_a_complete_call_left_out) {
  begin_complete("abc", {kPaths[0], kPaths[1]});
  port_.take();
  accept();
  EXPECT_THAT(port_.take(), ElementsAre("Rs.params", std::string("Rs.params.0.0 \0", 15), "Rs.params.0.0",
                                        std::string("Rs.params.0.1 \0", 15), "Rs.params.0.1"));
}

TEST_F(OutgoingCallTest, completeness_is_taken_back_where_one_message_has_no_room) {
  port_ = RecordingPort(50);
  begin_complete(std::string(60, 'p'), {kPaths[0]});
  ASSERT_EQ(port_.sent.size(), 1U);
  EXPECT_EQ(port_.sent[0].header(kCallHeader), "depth=0");
  EXPECT_LE(port_.sent[0].payload.size() + header_bytes(port_.sent[0].headers), 50U);
  const auto first = port_.sent[0].payload;
  EXPECT_LT(first.size(), 60U);
  accept_as_weft();
  const auto [rest, ends] = port_.channel("Rs.params");
  EXPECT_EQ(first.size() + rest.size(), 60U);
  EXPECT_EQ(ends, 1U);
  EXPECT_EQ(port_.channel("Rs.params.0.0"), std::pair(std::string("\0", 1), std::size_t{1}));
}

TEST_F(OutgoingCallTest, a_call_that_just_fits_is_complete) {
  const auto fixed = 2 + header_bytes({{.name = std::string(kCallHeader), .value = "complete;depth=0"}});
  for (const std::size_t over : {0U, 1U}) {
    port_ = RecordingPort(fixed + 10);
    begin_complete(std::string(10 + over, 'p'));
    EXPECT_EQ(port_.sent[0].header(kCallHeader), over == 0 ? "complete;depth=0" : "depth=0");
    EXPECT_EQ(port_.sent[0].payload.size(), 10U);
  }
}

TEST_F(OutgoingCallTest, a_direct_answer_is_the_whole_outcome) {
  for (const bool is_accepted : {false, true}) {
    begin_complete();
    if (is_accepted) {
      accept_as_weft();
    }
    events_.take();
    answer_directly("results", "xy");
    EXPECT_THAT(events_.take(), ElementsAre("results xy, nothing follows"));
    answer_directly("results", "again");
    tell("results.0.0", "late");
    tell("results");
    accept();
    EXPECT_THAT(events_.take(), IsEmpty());
    port_.take();
  }
}

TEST_F(OutgoingCallTest, a_weft_host_says_what_went_wrong) {
  begin_complete();
  answer_directly("error", encode_error({Errc::trap, "the guest trapped", "look", Blame::guest}));
  EXPECT_THAT(events_.take(), ElementsAre("failed trap/accepted"));
  EXPECT_EQ(events_.error->message(), "the guest trapped");
  begin_complete();
  answer_directly("of a later version", "?");
  EXPECT_THAT(events_.take(), ElementsAre("failed malformed/accepted"));
}

TEST_F(OutgoingCallTest, a_cancel_reaches_who_understands_it) {
  begin_complete();
  accept_as_weft();
  port_.take();
  call_->cancel();
  EXPECT_THAT(port_.take(), ElementsAre("Rs.cancel"));
  call_->cancel();
  EXPECT_THAT(port_.take(), IsEmpty()) << "once";
  events_.take();
  tell("results", "x");
  tell("results");
  tell("results.0", "x");
  answer_directly("results", "x");
  EXPECT_THAT(events_.take(), IsEmpty()) << "nobody waits";

  begin();
  call_->cancel();
  accept();
  EXPECT_THAT(port_.take(), ElementsAre("T<Rc abc")) << "nobody to tell";
  begin();
  accept();
  port_.take();
  call_->cancel();
  EXPECT_THAT(port_.take(), IsEmpty()) << "it would not understand";
}

TEST_F(OutgoingCallTest, a_cancel_still_reaches_who_sends_a_stream) {
  begin_complete();
  accept_as_weft();
  tell("results", "x");
  tell("results");
  port_.take();
  call_->cancel();
  EXPECT_THAT(port_.take(), ElementsAre("Rs.cancel"));
}

TEST_F(OutgoingCallTest, who_has_answered_directly_is_not_cancelled) {
  begin_complete();
  accept_as_weft();
  answer_directly("error", "{}");
  port_.take();
  call_->cancel();
  EXPECT_THAT(port_.take(), IsEmpty());
}

// ---- the way around members that are silent ----

class DetourTest : public OutgoingCallTest {
 protected:
  void ask(std::string_view params = "abc") {
    begin(params,
          {.subject = {},
           .inbox = {},
           .detour = Detour{
               .question = "Q", .function = "a:b/c.f", .silent = std::make_shared<const HostSet>(HostSet{"gone"})}});
    ASSERT_TRUE(started_);
    ASSERT_TRUE(call_->is_looking());
    ASSERT_THAT(port_.take(), ElementsAre("Q<Rc.who"));
  }
  void say(const std::string& member, const std::string& address) {
    call_->receive("who", {.subject = "Rc.who", .reply = address, .headers = {}, .payload = member});
  }
  void say_nobody() {
    call_->receive("who", {.subject = "Rc.who",
                           .reply = {},
                           .headers = {{.name = std::string(bus::kStatusHeader), .value = "503"}},
                           .payload = {}});
  }
};

TEST_F(DetourTest, leads_to_the_first_who_answers_and_is_not_silent) {
  ask();
  say("gone", "at.gone.x");
  EXPECT_THAT(port_.take(), IsEmpty());
  say("there", "at.there.x");
  EXPECT_THAT(port_.take(), ElementsAre("at.there.x.a:b/c.f<Rc abc"));
  EXPECT_THAT(events_.take(), ElementsAre("sent"));
  say("late", "at.late.x");
  EXPECT_THAT(port_.take(), IsEmpty());
  accept();
  EXPECT_THAT(events_.take(), ElementsAre("accepted"));
}

TEST_F(DetourTest, ends_at_the_queue_group_when_nobody_answers) {
  ask();
  call_->stop_looking();
  EXPECT_THAT(port_.take(), ElementsAre("T<Rc abc"));
  call_->stop_looking();
  EXPECT_THAT(port_.take(), IsEmpty());
  tell_status("503");
  EXPECT_THAT(events_.take(), ElementsAre("sent", "failed unavailable/not_delivered"));
}

TEST_F(DetourTest, ends_at_the_queue_group_when_no_weft_host_serves_it) {
  ask();
  say_nobody();
  EXPECT_THAT(port_.take(), ElementsAre("T<Rc abc"));
}

TEST_F(DetourTest, sends_again_what_provably_nobody_has) {
  ask();
  say("there", "at.there.x");
  (void)port_.take();
  tell_status("503");
  EXPECT_THAT(port_.take(), ElementsAre("T<Rc abc"));
  EXPECT_THAT(events_.take(), ElementsAre("sent", "sent"));
  tell_status("503");
  EXPECT_THAT(events_.take(), ElementsAre("failed unavailable/not_delivered"));
}

TEST_F(DetourTest, sends_all_parameters_again_that_were_too_many_for_one_message) {
  port_ = RecordingPort(4);
  ask("abcdefgh");
  say("there", "at.there.x");
  EXPECT_THAT(port_.take(), ElementsAre("at.there.x.a:b/c.f<Rc ab"));
  tell_status("503");
  EXPECT_THAT(port_.take(), ElementsAre("T<Rc ab"));
  accept();
  EXPECT_THAT(port_.take(), ElementsAre("Rs.params cdef", "Rs.params gh", "Rs.params"));
}

TEST_F(DetourTest, a_call_that_is_given_up_is_not_sent) {
  ask();
  call_->cancel();
  say("there", "at.there.x");
  call_->stop_looking();
  EXPECT_THAT(port_.take(), IsEmpty());
}

TEST_F(DetourTest, a_server_that_goes_meanwhile_fails_the_call) {
  ask();
  port_.works_for = 0;
  say("there", "at.there.x");
  EXPECT_THAT(events_.take(), ElementsAre("failed unavailable/not_delivered"));
}

}  // namespace
}  // namespace weft::wrpc
