// SPDX-License-Identifier: Apache-2.0
// HTTP between hosts, through every part: RemoteHttp, Endpoint, Ingress, ServedHttp.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wire/byte_stream.hpp"
#include "wrpc/http_lattice_fixture.hpp"
#include "wrpc/window.hpp"

namespace weft::wrpc {
namespace {

using testing::HasSubstr;
using namespace testing_support;

class RemoteHttpTest : public HttpLatticeTest {};

TEST_F(RemoteHttpTest, a_request_arrives_as_it_was_sent) {
  start();
  auto& handler = serve_http(respond(201, "made"));
  const auto got = ask({.method = "PURGE",
                        .scheme = "https",
                        .authority = "a.test:8",
                        .path = "/p?q=1",
                        .headers = {{"x-two", "1"}, {"x-one", "2"}, {"x-two", "3"}}});
  EXPECT_EQ(got.status, 201U);
  EXPECT_EQ(got.body, "made");
  EXPECT_EQ(got.headers.size(), 2U);
  const auto seen = handler.seen.now()[0];
  EXPECT_EQ(seen.line, "PURGE https://a.test:8/p?q=1");
  EXPECT_EQ(seen.headers, "x-two:1 x-two:3 x-one:2 ");
  EXPECT_FALSE(seen.sends_out);
  expect_idle();
}

TEST_F(RemoteHttpTest, a_whole_answer_is_one_message) {
  start();
  Collected<bus::Message> all;
  listen(">", [&](bus::Message message) { all.add(std::move(message)); });
  serve_http(respond(200, "hello"));
  EXPECT_EQ(ask({}).body, "hello");
  EXPECT_EQ(all.wait_for(2).size(), 2U);
  hang_up();
}

TEST_F(RemoteHttpTest, bodies_and_trailers_go_both_ways_in_messages_of_any_size) {
  start();
  auto& handler = serve_http(stream);
  handler.pieces = {"second ", std::string(5000, 'r'), "third"};
  const std::vector<std::string> body{"one ", std::string(7000, 'b'), "two"};
  for (const std::size_t max : {std::size_t{300}, std::size_t{4096}, std::size_t{1} << 20}) {
    for (auto* const host : {here_.get(), there_.get()}) {
      host->bus.max_payload = max;
      host->bus.disconnect();
      host->bus.connect();
    }
    const auto got = ask({.method = "POST", .body = body, .trailers = {{"x-t", "t"}}});
    EXPECT_EQ(got.status, 200U);
    EXPECT_EQ(got.body, "first second " + std::string(5000, 'r') + "third");
    ASSERT_EQ(got.trailers.size(), 1U);
    EXPECT_EQ(got.trailers[0].name, "x-end");
    const auto seen = handler.seen.now().back();
    EXPECT_EQ(seen.body, "one " + std::string(7000, 'b') + "two");
    EXPECT_EQ(seen.trailers, "x-t:t ");
  }
  expect_idle();
}

// ---- how far who sends is ahead of who takes ----

constexpr std::size_t kPiece = std::size_t{256} << 10;

/// More than the window and the piece that fills it breaks a body.
EndpointConfig narrow() { return {.lattice = "test", .backlog = {.each = kStreamWindow + 2 * kPiece, .shared = 0}}; }

TEST_F(RemoteHttpTest, a_slow_client_holds_back_who_answers) {
  start(narrow(), narrow());
  auto& handler = serve_http(stream);
  handler.pieces.assign(256, std::string(kPiece, 'r'));
  const auto slow = begin({.stalled = true});
  EXPECT_TRUE(eventually([&] { return handler.given * kPiece >= kStreamWindow && slow->received() > 0; }));
  EXPECT_EQ(slow->received(), 6U) << "the first piece, which it has not let go of";
  on_shard(here_->shard(), [&] { slow->resume(); });
  EXPECT_EQ(wait(*slow).body.size(), 6 + 256 * kPiece);
  expect_idle();
}

TEST_F(RemoteHttpTest, who_takes_a_request_slowly_holds_back_its_client) {
  start(narrow(), narrow());
  auto& handler = serve_http(respond(200, "done"));
  handler.stops = true;
  Collected<std::size_t> sent;
  listen(">", [&](const bus::Message& message) {
    if (message.subject.ends_with(".params.0.0")) sent.add(message.payload.size());
  });
  const auto client = begin({.method = "POST", .body = std::vector<std::string>(256, std::string(kPiece, 'b'))});
  EXPECT_TRUE(eventually([&] { return handler.stopped != nullptr && sent.size() * kPiece >= kStreamWindow; }));
  handler.stops = false;
  on_shard(handler.stopped.load()->shard(), [&] { handler.stopped.load()->read_body(); });
  EXPECT_EQ(wait(*client).body, "done");
  EXPECT_EQ(handler.seen.now()[0].body.size(), 256 * kPiece);
  hang_up();
  expect_idle();
}

TEST_F(RemoteHttpTest, an_answer_of_one_piece_is_held_back_too) {
  start(narrow(), narrow());
  serve_http(respond(200, std::string(256 * kPiece, 'r')));
  const auto slow = begin({.stalled = true});
  EXPECT_TRUE(eventually([&] { return slow->received() > 0; }));
  on_shard(here_->shard(), [&] { slow->resume(); });
  EXPECT_EQ(wait(*slow).body.size(), 256 * kPiece);
  expect_idle();
}

TEST_F(RemoteHttpTest, a_caller_that_takes_nothing_more_is_given_up) {
  auto there = narrow();
  there.body_timeout = 100ms;
  start(narrow(), there);
  auto& handler = serve_http(stream);
  handler.pieces.assign(256, std::string(kPiece, 'r'));
  const auto stuck = begin({.stalled = true});
  EXPECT_TRUE(eventually([&] { return there_->calls() == 0; }));
  EXPECT_EQ(handler.left, 1);
  on_shard(here_->shard(), [&] { stuck->resume(); });
  EXPECT_EQ(wait(*stuck).status, 502U);
  expect_idle();
}

TEST_F(RemoteHttpTest, an_empty_body_is_one) {
  start();
  auto& handler = serve_http(respond(200, ""));
  EXPECT_EQ(ask({.method = "POST", .body = std::vector<std::string>{}}).status, 200U);
  EXPECT_EQ(ask({.method = "HEAD"}).status, 200U);
  EXPECT_EQ(handler.seen.now()[0].body, "");
  expect_idle();
}

TEST_F(RemoteHttpTest, an_answer_before_the_body_was_read_is_one) {
  start();
  serve_http(respond(413, "too much"), FakeHandler::When::at_once);
  const auto got = ask({.method = "POST", .body = std::vector<std::string>(50, std::string(10'000, 'b'))});
  EXPECT_EQ(got.status, 413U);
  EXPECT_EQ(got.body, "too much");
  expect_idle();
}

TEST_F(RemoteHttpTest, failures_keep_their_status) {
  start();
  for (const auto& [said, told] :
       std::vector<std::pair<unsigned, unsigned>>{{500, 500}, {502, 502}, {503, 503}, {504, 504}, {508, 500}}) {
    serve_http([code = said](web::Exchange& exchange, const std::string&) { exchange.fail(code, "because"); });
    const auto got = ask({});
    EXPECT_EQ(got.status, told) << said;
    EXPECT_THAT(got.reason, HasSubstr("because"));
  }
  for (unsigned number = 0; number < web::kHttpFaults; ++number) {
    const auto fault = static_cast<HttpFault>(number);
    serve_http([fault](web::Exchange& exchange, const std::string&) { exchange.fault(fault, "because"); });
    EXPECT_EQ(ask({}).fault, fault);
  }
  expect_idle();
}

TEST_F(RemoteHttpTest, an_answer_that_is_no_http_is_none) {
  start();
  serve_http([](web::Exchange& exchange, const std::string&) {
    EXPECT_FALSE(exchange.send_head({.status = 99, .headers = {}}));
    EXPECT_FALSE(exchange.send_head({.status = 200, .headers = {{"a b", "c"}}}));
    exchange.respond(1000, {}, "x");
  });
  EXPECT_EQ(ask({}).fault, HttpFault::internal_error);
  serve_http([](web::Exchange& exchange, const std::string&) { exchange.finish({}); });
  EXPECT_EQ(ask({}).fault, HttpFault::internal_error);
  serve_http([](web::Exchange& exchange, const std::string&) {
    exchange.send_body(std::as_bytes(std::span(std::string_view("x"))));
  });
  EXPECT_EQ(ask({}).fault, HttpFault::internal_error);
  expect_idle();
}

TEST_F(RemoteHttpTest, a_failure_in_the_middle_of_a_body_is_seen) {
  start();
  auto& handler = serve_http(stream);
  handler.ends_well = false;
  const auto got = ask({});
  EXPECT_EQ(got.status, 502U);
  EXPECT_THAT(got.reason, HasSubstr("breaks off"));
  expect_idle();
}

TEST_F(RemoteHttpTest, a_target_that_takes_no_http_says_so) {
  start();
  serve(FakeTarget::Answer::at_once);
  EXPECT_EQ(ask({}).status, 503U) << "nobody serves it: nothing was subscribed to";
  expect_idle();
}

TEST_F(RemoteHttpTest, a_client_that_leaves_ends_the_request_there) {
  start();
  for (const auto& act : {FakeHandler::Act(do_nothing), FakeHandler::Act(stream)}) {
    auto& handler = serve_http(act);
    const auto exchange = begin({.method = "POST", .body = std::vector<std::string>{"x"}, .stalled = true});
    EXPECT_EQ(handler.seen.wait_for(1).size(), 1U);
    on_shard(here_->shard(), [&] { exchange->leave(); });
    // What was answered whole meanwhile has not been left.
    EXPECT_TRUE(eventually([&] { return handler.alive == 0; }));
    expect_idle();
  }
  EXPECT_EQ(handlers_.front()->left, 1);
}

TEST_F(RemoteHttpTest, a_host_that_is_cut_off_ends_requests_on_both_sides) {
  start();
  auto& handler = serve_http(do_nothing);
  const auto exchange = begin({});
  EXPECT_EQ(handler.seen.wait_for(1).size(), 1U);
  here_->bus.disconnect();
  EXPECT_EQ(wait(*exchange).status, 503U);
  there_->bus.disconnect();
  EXPECT_TRUE(eventually([&] { return handler.alive == 0 && handler.left == 1; }));
  EXPECT_EQ(ask({}).status, 503U) << "at once";
  expect_idle();
}

TEST_F(RemoteHttpTest, hosts_that_stop_end_requests) {
  start();
  auto& handler = serve_http(do_nothing);
  const auto one = begin({});
  EXPECT_EQ(handler.seen.wait_for(1).size(), 1U);
  EXPECT_TRUE(there_->wait(there_->ingress.close()));
  EXPECT_EQ(wait(*one).status, 503U);
  EXPECT_EQ(handler.alive, 0);
  serve_http(do_nothing);
  const auto two = begin({});
  EXPECT_TRUE(here_->wait(here_->endpoint.close()));
  EXPECT_EQ(wait(*two).status, 503U);
}

TEST_F(RemoteHttpTest, hundreds_at_once_keep_apart) {
  start();
  auto& handler = serve_http([](web::Exchange& exchange, const std::string& body) { exchange.respond(200, {}, body); });
  std::vector<std::shared_ptr<TestExchange>> exchanges;
  for (int number = 0; number < 300; ++number) {
    exchanges.push_back(begin({.method = "POST", .body = std::vector<std::string>{"n", std::to_string(number)}}));
  }
  for (int number = 0; number < 300; ++number) {
    EXPECT_EQ(wait(*exchanges[static_cast<std::size_t>(number)]).body, "n" + std::to_string(number));
  }
  EXPECT_EQ(handler.seen.size(), 300U);
  expect_idle();
}

// ---- deadlines ----

TEST_F(RemoteHttpTest, waits_have_an_end_at_every_stage) {
  auto config = LatticeTest::config();
  config.accept_timeout = 50ms;
  config.body_timeout = 50ms;
  start(config);
  EXPECT_EQ(ask({}).status, 503U) << "nobody serves it";
  std::string stage;
  serve_by_hand([this, &stage](const std::string& inbox) {
    if (stage == "silent") return;
    say(inbox, {}, "srv.1");
    if (stage == "accepted") return;
    say(inbox + ".results", encode_response({.status = 200, .headers = {}}));
    say(inbox + ".results");
    if (stage == "head") return;
    say(inbox + ".results.0.0", wire::encode_chunk(bytes_of("piece")));
    if (stage == "piece") return;
    say(inbox + ".results.0.0", std::string(wire::kStreamEnd));
    say(inbox + ".results.0.0");
  });
  for (const auto* const now : {"silent", "accepted", "head", "piece", "trailers"}) {
    on_shard(control_, [&] { stage = now; });
    const auto got = ask({.timeouts = {.connect = {}, .first_byte = 60ms, .between_bytes = {}}});
    EXPECT_EQ(got.status, 504U) << now;
    EXPECT_EQ(got.body, stage == "piece" || stage == "trailers" ? "piece" : "");
  }
  hang_up();
  expect_idle();
}

TEST_F(RemoteHttpTest, a_slow_client_is_not_the_peers_fault) {
  auto config = LatticeTest::config();
  config.body_timeout = 50ms;
  start(config);
  auto& handler = serve_http(stream);
  handler.pieces = {"second"};
  const auto slow = begin({.stalled = true});
  EXPECT_TRUE(eventually([&] { return slow->received() > 0; }));
  // Longer than a piece may take, as the end of another request tells.
  listen("test.silent.wrpc.>", [this](const bus::Message& message) {
    say(message.reply, {}, "srv.1");
    say(message.reply + ".results", encode_response({.status = 200, .headers = {}}));
    say(message.reply + ".results");
  });
  RemoteTarget silent(here_->endpoint, "silent");
  for (int times = 0; times < 2; ++times) {
    const auto other = std::make_shared<TestExchange>(here_->shard(), Request{});
    on_shard(here_->shard(), [&] { other->start(*silent.http()); });
    EXPECT_EQ(wait(*other).status, 504U);
  }
  on_shard(here_->shard(), [&] { slow->resume(); });
  EXPECT_EQ(wait(*slow).body, "first second");
  expect_idle();
}

}  // namespace
}  // namespace weft::wrpc
