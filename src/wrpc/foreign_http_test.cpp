// SPDX-License-Identifier: Apache-2.0
// HTTP with peers that send its values by hand, right and wrong.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wire/byte_stream.hpp"
#include "wrpc/body_inbox.hpp"
#include "wrpc/http_lattice_fixture.hpp"

namespace weft::wrpc {
namespace {

using testing::HasSubstr;
using namespace testing_support;

class ForeignHttpTest : public HttpLatticeTest {};

// ---- peers that serve by hand ----

TEST_F(ForeignHttpTest, answers_that_are_none_fail_their_request_only) {
  start();
  const std::string head = encode_response({.status = 200, .headers = {}});
  struct Lie {
    std::string results;
    std::vector<std::pair<std::string, std::string>> nested;
    unsigned status;
  };
  const std::vector<Lie> lies = {
      {"", {}, 500},                                                         // a trap
      {"\x02", {}, 502},                                                     // no result
      {head.substr(0, 3), {}, 502},                                          // cut short
      {std::string("\0\0\0\x63\0", 5), {{"0.0", ""}, {"0.1", ""}}, 502},     // status 99; TestExchange takes it
      {head, {{"0.0", std::string(wire::kBrokenChunk)}, {"0.0", ""}}, 502},  // cut in a length
      {head, {{"0.0", "\xff\xff\xff\xff\xff"}}, 502},                        // no chunk
      {head, {{"0.0", std::string(wire::kStreamEnd)}, {"0.1", "\x07"}, {"0.1", ""}}, 502},
      {head, {{"0", ""}, {"0.2", "x"}, {"9", ""}, {"0.0", ""}, {"0.1", std::string(1, '\0')}}, 200},
  };
  std::atomic<std::size_t> turn{0};
  serve_by_hand([&](const std::string& inbox) {
    const auto& lie = lies[turn];
    say(inbox, {}, "srv.1");
    if (!lie.results.empty()) say(inbox + ".results", lie.results);
    say(inbox + ".results");
    for (const auto& [path, piece] : lie.nested) {
      std::string subject = inbox;
      subject.append(".results.").append(path);
      say(subject, piece);
    }
  });
  for (; turn < lies.size(); ++turn) {
    EXPECT_EQ(ask({}).status, lies[turn].status) << turn;
  }
  hang_up();
  expect_idle();
}

TEST_F(ForeignHttpTest, an_answer_that_nobody_reads_is_kept_within_bounds) {
  auto config = LatticeTest::config();
  config.backlog = {.each = 60'000, .shared = 40'000};
  start(config);
  std::string caller;
  serve_by_hand([this, &caller](const std::string& inbox) {
    if (caller.empty()) caller = inbox;
    say(inbox, {}, "srv.1");
    say(inbox + ".results", encode_response({.status = 200, .headers = {}}));
    say(inbox + ".results");
    say(inbox + ".results.0.0", wire::encode_chunk(bytes_of("first")));
  });
  const auto slow = begin({.stalled = true});
  EXPECT_TRUE(eventually([&] { return slow->received() == 5; }));
  const std::string piece = wire::encode_chunk(bytes_of(std::string(10'000, 'x')));
  for (int number = 0; number < 1000; ++number) {
    say(caller + ".results.0.0", piece);
  }
  // All of it has arrived when something behind it has.
  const auto other = begin({});
  EXPECT_TRUE(eventually([&] { return other->received() == 5; }));
  on_shard(here_->shard(), [&] { slow->resume(); });
  const auto got = wait(*slow);
  EXPECT_EQ(got.status, 502U);
  EXPECT_LE(got.body.size(), 100'005U);
  EXPECT_THAT(got.reason, HasSubstr("waits for whoever reads it"));
  on_shard(here_->shard(), [&] { other->leave(); });
  hang_up();
  expect_idle();
}

// ---- peers that call by hand ----

TEST_F(ForeignHttpTest, requests_that_are_no_http_do_not_reach_the_target) {
  start();
  collect_answers();
  auto& handler = serve_http(respond(200, "fine"));
  for (const auto& [value, fault] : std::vector<std::pair<std::string, std::string>>{
           {request_value("G T", "/", "a"), "HTTP-request-method-invalid"},
           {request_value("GET / HTTP/1.1\r\nx: y\r\n", "/", "a"), "HTTP-request-method-invalid"},
           {request_value("GET", "/ HTTP/1.1\r\nx: y", "a"), "HTTP-request-URI-invalid"},
           {request_value("GET", "nowhere", "a"), "HTTP-request-URI-invalid"},
           {request_value("GET", "/", "a b"), "HTTP-request-URI-invalid"},
           {request_value("GET", "/", "", {{.name = "host", .value = "a b"}}), "HTTP-request-URI-invalid"},
           {request_value("GET", "/", "a", {{.name = "a b", .value = "c"}}), "HTTP-protocol-error"},
           {request_value("GET", "/", "a", {{.name = "", .value = "c"}}), "HTTP-protocol-error"},
           {request_value("GET", "/", "a", {{.name = "a", .value = "c\r\nd: e"}}), "HTTP-protocol-error"}}) {
    EXPECT_EQ(fault_of(channel(send_by_hand(value))), fault);
  }
  for (const std::string garbage : {"", "\x07", "garbage"}) {
    EXPECT_EQ(channel(send_by_hand(garbage)), "") << "no value: no results";
  }
  EXPECT_EQ(handler.seen.size(), 0U);
  expect_idle();
}

TEST_F(ForeignHttpTest, a_request_by_hand_is_answered_on_its_channels) {
  start();
  collect_answers();
  auto& handler = serve_http(stream);
  handler.pieces = {"second"};
  const auto results = send_by_hand(request_value("GET", "", "",
                                                  {{.name = "Host", .value = "a.test"},
                                                   {.name = "connection", .value = "close"},
                                                   {.name = "transfer-encoding", .value = "chunked"}}));
  say(by_hand_ + ".params.0");
  for (const auto& piece : {std::string("\x05he"), std::string("l"), std::string("lo\x01"), std::string("!"),
                            std::string(wire::kStreamEnd)}) {
    say(by_hand_ + ".params.0.0", piece);
  }
  say(by_hand_ + ".params.0.0");
  for (const auto& piece :
       {std::string("\x01\x02\x01t\x01\x01", 6), std::string("1\x03"), std::string("b d\x01\x01x")}) {
    say(by_hand_ + ".params.0.1", piece);
  }
  say(by_hand_ + ".params.0.1");
  const auto seen = handler.seen.wait_for(1)[0];
  EXPECT_EQ(seen.line, "GET http://a.test/");
  EXPECT_EQ(seen.headers, "host:a.test ") << "those of a connection are not passed on";
  EXPECT_EQ(seen.body, "hello!");
  EXPECT_EQ(seen.trailers, "t:1 ") << "one is no token";
  EXPECT_EQ(fault_of(channel(results)), "(a response)");
  BodyInbox body(std::make_shared<BacklogRoom>(BacklogLimits{.each = 60, .shared = 40}));
  body.receive(channel(results + ".0.0"));
  body.receive_trailers(channel(results + ".0.1"));
  EXPECT_EQ(body.take(), "first second");
  ASSERT_TRUE(body.is_whole());
  EXPECT_EQ(body.trailers().size(), 1U);
  expect_idle();
}

TEST_F(ForeignHttpTest, a_body_by_hand_that_breaks_off_or_stops_ends_the_request) {
  auto config = LatticeTest::config();
  config.body_timeout = 50ms;
  start(LatticeTest::config(), config);
  collect_answers();
  auto& handler = serve_http(do_nothing);
  const auto value = request_value("POST", "/", "a");
  const auto broken = send_by_hand(value);
  say(by_hand_ + ".params.0.0", "\x05he");
  say(by_hand_ + ".params.0.0");
  EXPECT_EQ(channel(broken), "");
  EXPECT_EQ(channel(send_by_hand(value)), "") << "silence";
  const auto endless = send_by_hand(value);
  say(by_hand_ + ".params.0.0", "\x05hello");
  EXPECT_EQ(channel(endless), "");
  EXPECT_TRUE(eventually([&] { return handler.left == 3 && handler.alive == 0; }));
  EXPECT_EQ(handler.seen.size(), 0U);
  expect_idle();
}

TEST_F(ForeignHttpTest, a_body_by_hand_that_nobody_reads_is_kept_within_bounds) {
  auto config = LatticeTest::config();
  config.backlog = {.each = 10'000, .shared = 0};
  start(LatticeTest::config(), config);
  collect_answers();
  auto& handler = serve_http(respond(200, "fine"), FakeHandler::When::at_once);
  // Before its root channel has ended nothing reads it.
  say("test.x.wrpc.0.0.1.wrpc:http/incoming-handler@0.1.0.handle", request_value("POST", "/", "a"), "raw.0");
  const auto inbox = accepted();
  for (int number = 0; number < 100; ++number) {
    say(inbox + ".params.0.0", wire::encode_chunk(bytes_of(std::string(1000, 'x'))));
  }
  say(inbox + ".params");
  EXPECT_EQ(fault_of(channel("raw.0.results")), "(a response)") << "an answer that does not need it is one";
  EXPECT_EQ(handler.left, 0);
  expect_idle();
}

}  // namespace
}  // namespace weft::wrpc
