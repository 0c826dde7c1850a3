// SPDX-License-Identifier: Apache-2.0
// What a host says to peers that are no weft hosts, and what it takes of peers that lie.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wrpc/lattice_fixture.hpp"
#include "wrpc/subjects.hpp"

namespace weft::wrpc {
namespace {

using testing::StartsWith;
using namespace testing_support;
using Answer = FakeTarget::Answer;

constexpr std::string_view kSubject = "test.x.wrpc.0.0.1.";

class ForeignPeerTest : public LatticeTest {
 protected:
  void call_host(std::size_t index, const std::string& payload, std::vector<bus::MessageHeader> headers = {},
                 const std::string& function = "acme:a/b@1.0.0.get") {
    say(std::string(kSubject) + function, payload, "raw." + std::to_string(index), std::move(headers));
  }
  static std::string results(std::size_t index) { return "raw." + std::to_string(index) + ".results"; }
  std::size_t count(const std::string& subject) {
    std::size_t found = 0;
    for (const auto& message : answers_.now()) {
      found += message.subject == subject ? 1 : 0;
    }
    return found;
  }
  /// Serves "y" by hand: `act` is told the caller's inbox.
  void serve_by_hand(std::function<void(const std::string& inbox)> act) {
    listen("test.y.wrpc.>", [act = std::move(act)](const bus::Message& message) { act(message.reply); });
  }
  std::string call_peer(EndpointConfig config = LatticeTest::config()) {
    if (!here_) start(std::move(config));
    RemoteTarget remote(here_->endpoint, "y");
    TestCall call(here_->shard(), remote);
    return call.wait();
  }
};

// ---- as callers (data-plane facts 1.6, 1.10) ----

TEST_F(ForeignPeerTest, is_answered_after_the_end_of_its_parameters) {
  start();
  collect_answers();
  const auto target = serve(Answer::at_once);
  call_host(0, "a", {{.name = "source-id", .value = "theirs"}});
  const auto inbox = accepted();
  say(inbox + ".params", "b");
  say(inbox + ".params.0");  // means nothing
  EXPECT_EQ(target->seen.size(), 0U);
  EXPECT_EQ(count(results(0)), 0U) << "it could overtake the accept (live-host facts C2)";
  say(inbox + ".params");
  EXPECT_EQ(channel(results(0)), "x:ab");
  EXPECT_EQ(target->seen.now()[0].source, "theirs");
  EXPECT_EQ(target->seen.now()[0].link_name, "default");
  say(inbox + ".params");
  expect_idle();
}

TEST_F(ForeignPeerTest, may_say_nothing_of_itself) {
  start();
  collect_answers();
  const auto target = serve(Answer::later);
  call_host(0, "");
  const auto inbox = accepted();
  for (const char byte : std::string("byte by byte")) {
    say(inbox + ".params", std::string(1, byte));
  }
  say(inbox + ".params");
  EXPECT_EQ(channel(results(0)), "x:byte by byte");
  EXPECT_EQ(target->seen.now()[0].source, "<unknown>");
}

TEST_F(ForeignPeerTest, sees_a_failure_as_results_without_a_byte) {
  start();
  collect_answers();
  serve(Answer::failure);
  call_host(0, "a");
  say(accepted() + ".params");
  EXPECT_EQ(channel(results(0)), "");
  expect_idle();
}

TEST_F(ForeignPeerTest, is_refused_what_is_not_served_once_all_of_it_came) {
  start();
  collect_answers();
  auto target = std::make_shared<FakeTarget>("x", Answer::at_once);
  target->names = {{.interface = "acme:any/version", .function = "get"}};
  there_->serve(target);
  call_host(0, "a", {}, "acme:any/version@9.9.9.get");
  say(accepted(0) + ".params");
  EXPECT_EQ(channel(results(0)), "x:a");
  EXPECT_EQ(target->seen.now()[0].interface, "acme:any/version@9.9.9");
  call_host(1, "a", {}, "acme:any/version@9.9.9.put");
  const auto inbox = accepted(1);
  on_shard(there_->shard(0), [] {});
  on_shard(there_->shard(1), [] {});
  EXPECT_EQ(count(results(1)), 0U);
  say(inbox + ".params");
  EXPECT_EQ(channel(results(1)), "");
  expect_idle();
}

TEST_F(ForeignPeerTest, that_never_sends_the_rest_is_given_up) {
  auto config = LatticeTest::config();
  config.params_timeout = 50ms;
  start(LatticeTest::config(), config);
  collect_answers();
  const auto target = serve(Answer::at_once);
  for (std::size_t index = 0; index < 100; ++index) {
    call_host(index, "a");
  }
  for (std::size_t index = 0; index < 100; ++index) {
    EXPECT_EQ(channel(results(index)), "");
  }
  EXPECT_EQ(target->seen.size(), 0U);
  expect_idle();
  say(accepted(0) + ".params");  // too late
  call_host(100, "a");
  say(accepted(100) + ".params");
  EXPECT_EQ(channel(results(100)), "x:a");
}

TEST_F(ForeignPeerTest, without_a_reply_subject_is_nobody) {
  start();
  const auto target = serve(Answer::at_once);
  say(std::string(kSubject) + "acme:a/b@1.0.0.get", "a");
  collect_answers();
  call_host(0, "a");
  say(accepted() + ".params");
  EXPECT_EQ(channel(results(0)), "x:a");
  EXPECT_EQ(target->seen.size(), 1U);
}

TEST_F(ForeignPeerTest, that_says_nonsense_in_wefts_header_is_another) {
  start();
  collect_answers();
  serve(Answer::at_once);
  call_host(0, "a", {{.name = std::string(kCallHeader), .value = "complete;depth=many"}});
  say(accepted() + ".params");
  EXPECT_EQ(channel(results(0)), "x:a");
}

TEST_F(ForeignPeerTest, whose_time_is_over_already_is_served_all_the_same) {
  start();
  collect_answers();
  const auto target = serve(Answer::at_once);
  call_host(0, "a", {{.name = std::string(kCallHeader), .value = "complete;depth=4294967295;timeout=0"}});
  EXPECT_TRUE(eventually([&] { return count("raw.0") == 1; })) << "the target decides what its deadline means";
  EXPECT_TRUE(target->seen.now()[0].has_deadline);
  EXPECT_EQ(target->seen.now()[0].depth, UINT32_MAX);
}

TEST_F(ForeignPeerTest, that_guesses_inboxes_reaches_nobody) {
  start();
  collect_answers();
  const auto target = serve(Answer::on_release);
  call_host(0, "a");
  const auto inbox = accepted();
  const auto base = inbox.substr(0, inbox.rfind('.'));
  for (const std::string other : {"0", "2", "99999", "18446744073709551616", "x"}) {
    for (const std::string channel : {"", ".params", ".cancel", ".results", ".results.0"}) {
      say(base + "." + other + channel, "?", "nowhere");
    }
  }
  say(inbox, "?", "nowhere");
  say(inbox + ".results", "?");
  say(inbox + ".params");
  EXPECT_EQ(target->seen.wait_for(1).size(), 1U);
  target->release();
  EXPECT_EQ(channel(results(0)), "x:a");
}

// ---- as servers (data-plane facts 1.5, 1.11) ----

TEST_F(ForeignPeerTest, that_serves_is_sent_every_end) {
  Collected<bus::Message> got;
  listen("srv.>", [this, &got](const bus::Message& message) {
    got.add(message);
    if (message.payload.empty()) {
      say("back", {}, {});
    }
  });
  std::string caller;
  listen("back", [this, &caller](const bus::Message&) {
    for (const char byte : std::string("results")) {
      say(caller + ".results", std::string(1, byte));
    }
    say(caller + ".results");
  });
  serve_by_hand([this, &caller](const std::string& inbox) {
    caller = inbox;
    say(inbox, {}, "srv.7");
  });
  EXPECT_EQ(call_peer(), "results");
  ASSERT_EQ(got.size(), 1U) << "the end of the parameters, and no more";
  EXPECT_EQ(got.now()[0].subject, "srv.7.params");
  hang_up();
  expect_idle();
}

TEST_F(ForeignPeerTest, that_fails_cannot_say_why) {
  serve_by_hand([this](const std::string& inbox) {
    say(inbox, {}, "srv.7");
    say(inbox + ".results");
  });
  // A function without results ends so too: what it means is for the caller to know.
  EXPECT_EQ(call_peer(), "");
}

TEST_F(ForeignPeerTest, that_accepts_and_is_silent_is_given_up_at_the_deadline) {
  serve_by_hand([this](const std::string& inbox) { say(inbox, {}, "srv.7"); });
  start();
  RemoteTarget remote(here_->endpoint, "y");
  TestCall call(here_->shard(), remote, "abc",
                {.source = "caller", .link_name = "default", .deadline = std::chrono::steady_clock::now() + 60ms});
  EXPECT_THAT(call.wait(), StartsWith("deadline_exceeded: \"y\" accepted"));
  expect_idle();
}

TEST_F(ForeignPeerTest, that_lies_harms_its_own_call_only) {
  const std::vector<std::pair<std::function<void(const std::string&)>, std::string>> lies = {
      {[this](const std::string& inbox) { say(inbox); }, "malformed: "},
      {[this](const std::string& inbox) { say(inbox, "results?"); }, "malformed: "},
      {[this](const std::string& inbox) { say(inbox + ".results", "early"); }, "malformed: "},
      {[this](const std::string& inbox) { say(inbox, {}, {}, {{.name = "Status", .value = "409"}}); }, "unavailable: "},
      {[this](const std::string& inbox) {
         say(inbox, "not an error", {}, {{.name = std::string(kAnswerHeader), .value = "error"}});
       },
       "malformed: "},
      {[this](const std::string& inbox) {
         say(inbox, {}, "srv.1");
         say(inbox, {}, "srv.2");
         say(inbox, {}, {}, {{.name = "Status", .value = "503"}});
         say(inbox + ".results.9.9", "?");
         say(inbox + ".result", "?");
         say(inbox + ".results", "right");
         say(inbox + ".results");
         say(inbox + ".results", "and more");
         say(inbox + ".results");
         say(inbox, "late", {}, {{.name = std::string(kAnswerHeader), .value = "results"}});
       },
       "right"},
  };
  std::atomic<std::size_t> turn{0};
  serve_by_hand([&](const std::string& inbox) {
    if (turn < lies.size()) lies[turn].first(inbox);
  });
  for (; turn < lies.size(); ++turn) {
    EXPECT_THAT(call_peer(), StartsWith(lies[turn].second)) << turn;
  }
  hang_up();
  expect_idle();
}

}  // namespace
}  // namespace weft::wrpc
