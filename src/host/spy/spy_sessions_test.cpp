// SPDX-License-Identifier: Apache-2.0
#include "host/spy/spy_sessions.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <future>
#include <iterator>
#include <optional>

#include "async/shard_call.hpp"
#include "bus/test_wait.hpp"

namespace weft::host {
namespace {

using namespace std::chrono_literals;
using bus::testing_support::eventually;
using bus::testing_support::on_shard;
using Door = SpySessions::Door;

SeenCall seen(const std::string& function, const std::string& params = {}) {
  SeenCall call;
  call.source = "shop";
  call.target = "cart";
  call.interface = "shop:cart/api";
  call.function = function;
  call.params.keep(std::as_bytes(std::span(params)), params.size());
  return call;
}

wire::SpyQuestion first(const std::string& component, const std::string& function, std::size_t text_bytes = 1024) {
  wire::SpyQuestion question;
  question.component = component;
  question.function = function;
  question.text_bytes = text_bytes;
  return question;
}

wire::SpyQuestion about(const std::string& session, std::uint64_t after = 0, std::chrono::milliseconds wait = 0ms) {
  wire::SpyQuestion question;
  question.session = session;
  question.after = after;
  question.wait = wait;
  return question;
}

wire::SpyQuestion ending(const std::string& session) {
  auto question = about(session);
  question.end = true;
  return question;
}

class SpySessionsTest : public testing::Test {
 protected:
  SpySessionsTest() {
    control_.start();
    open(1h);
  }
  ~SpySessionsTest() override {
    close();
    EXPECT_TRUE(async::run_on_shard_and_wait(control_, tap_.close()));
    shards_.stop();
    control_.stop();
  }

  void open(std::chrono::milliseconds lease) {
    on_shard(control_, [&] {
      sessions_.emplace(SpySessions::World{.control = control_,
                                           .pool = pool_,
                                           .tap = tap_,
                                           .code_of = [](const std::string& /*id*/) { return nullptr; },
                                           .new_id = [this] { return std::to_string(++ids_); },
                                           .lease = lease});
    });
  }
  void close() {
    ASSERT_TRUE(async::run_on_shard_and_wait(control_, close_sessions()));
    on_shard(control_, [this] { sessions_.reset(); });
  }
  async::Task<void> close_sessions() {
    co_await sessions_->close();
    co_return Result<void>();
  }

  Result<wire::SpyAnswer> ask(const wire::SpyQuestion& question, Door door = Door::socket,
                              std::size_t max_bytes = 1 << 20) {
    WEFT_TRY(const auto answer,
             async::run_on_shard_and_wait(control_, sessions_->ask(wire::encode(question), door, max_bytes)));
    return wire::decode_spy_answer(answer);
  }
  std::string begin(const wire::SpyQuestion& question = {}, Door door = Door::socket) {
    const auto answer = ask(question, door);
    EXPECT_TRUE(answer) << answer.error().to_string();
    return answer ? answer->session : std::string();
  }
  void happen(std::vector<SeenCall> calls) {
    on_shard(control_, [&] { sessions_->take(std::move(calls)); });
  }
  std::vector<std::string> functions(const wire::SpyQuestion& question, std::size_t max_bytes = 1 << 20) {
    const auto answer = ask(question, Door::socket, max_bytes);
    EXPECT_TRUE(answer) << answer.error().to_string();
    std::vector<std::string> names;
    if (answer) {
      std::ranges::transform(answer->calls, std::back_inserter(names), &wire::SpiedCall::function);
    }
    return names;
  }
  bool is_off() {
    bool off = false;
    on_shard(shards_.at(0), [&] { off = tap_.on(shards_.at(0))->is_off(); });
    return off;
  }

  async::ShardPool shards_{1};
  async::Shard control_{7};
  CallTap tap_{control_, shards_, {}};
  async::BlockingPool pool_{"work", 1};
  std::optional<SpySessions> sessions_;
  int ids_ = 0;
};

TEST_F(SpySessionsTest, the_tap_is_on_while_somebody_watches) {
  EXPECT_TRUE(is_off());
  const auto first = begin();
  const auto second = begin();
  EXPECT_FALSE(is_off());
  ASSERT_TRUE(ask(ending(first)));
  EXPECT_FALSE(is_off());
  ASSERT_TRUE(ask(ending(second)));
  EXPECT_TRUE(is_off());
  EXPECT_EQ(ask(about(first)).error().code(), Errc::not_found);
}

TEST_F(SpySessionsTest, calls_are_told_until_they_have_arrived) {
  const auto session = begin();
  happen({seen("a"), seen("b")});
  EXPECT_THAT(functions(about(session)), testing::ElementsAre("a", "b"));
  EXPECT_THAT(functions(about(session, 1)), testing::ElementsAre("b"));
  EXPECT_THAT(functions(about(session, 2)), testing::IsEmpty());
  happen({seen("c")});
  EXPECT_THAT(functions(about(session, 2)), testing::ElementsAre("c"));
}

TEST_F(SpySessionsTest, a_question_waits_for_a_call) {
  const auto session = begin();
  auto waiting = std::async(std::launch::async, [&] { return functions(about(session, 0, wire::kMaxSpyWait)); });
  EXPECT_TRUE(eventually([&] {
    const auto other = ask(about(session));
    return !other && other.error().code() == Errc::conflict;
  })) << "one waits already";
  happen({seen("a")});
  EXPECT_THAT(waiting.get(), testing::ElementsAre("a"));
}

TEST_F(SpySessionsTest, each_is_told_what_it_asked_for) {
  const auto adds = begin(first("", "add"));
  const auto others = begin(first("somebody", ""));
  happen({seen("add"), seen("remove")});
  EXPECT_THAT(functions(about(adds)), testing::ElementsAre("add"));
  EXPECT_THAT(functions(about(others)), testing::IsEmpty());
}

TEST_F(SpySessionsTest, a_watch_that_nobody_asks_about_ends) {
  close();
  open(50ms);
  const auto session = begin();
  EXPECT_FALSE(is_off());
  EXPECT_TRUE(eventually([this] { return is_off(); }));
  EXPECT_EQ(ask(about(session)).error().code(), Errc::not_found);
  EXPECT_FALSE(begin().empty()) << "another may begin";
}

TEST_F(SpySessionsTest, a_watch_belongs_to_the_door_it_came_by) {
  const auto session = begin({}, Door::socket);
  happen({seen("secret")});
  EXPECT_EQ(ask(about(session), Door::lattice).error().code(), Errc::not_found);
  EXPECT_EQ(ask(ending(session), Door::lattice).error().code(), Errc::not_found);
  EXPECT_THAT(functions(about(session)), testing::ElementsAre("secret"));
}

TEST_F(SpySessionsTest, values_without_types_are_shown_as_bytes_and_cut) {
  const auto session = begin(first("", "", 12));
  happen({seen("a", "\x02hi\""), seen("b", "a much longer value")});
  const auto answer = ask(about(session));
  ASSERT_TRUE(answer);
  ASSERT_EQ(answer->calls.size(), 2U);
  EXPECT_EQ(answer->calls[0].params.text, R"(b"\x02hi\"")");
  EXPECT_EQ(answer->calls[0].params.bytes, 4U);
  EXPECT_EQ(answer->calls[1].params.text, R"(b"a much lon...)");
  EXPECT_EQ(answer->calls[1].results.text, "");
}

TEST_F(SpySessionsTest, an_answer_is_no_longer_than_a_message_may_be) {
  const auto session = begin();
  happen({seen("a", std::string(300, 'x')), seen("b", std::string(300, 'x')), seen("c")});
  EXPECT_THAT(functions(about(session), 1'000), testing::ElementsAre("a"));
  EXPECT_THAT(functions(about(session, 1), 1'000), testing::ElementsAre("b"));
  // What never fits stands in nobody's way.
  const auto answer = ask(about(session, 1), Door::socket, 300);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->dropped, 1U);
  EXPECT_THAT(functions(about(session, 1)), testing::ElementsAre("c"));
}

TEST_F(SpySessionsTest, what_a_session_cannot_hold_is_dropped_and_counted) {
  const auto session = begin();
  const std::string mebibyte(std::size_t{1} << 20, 'x');
  for (int count = 0; count < 10; ++count) {
    happen({seen("a", mebibyte)});
  }
  const auto answer = ask(about(session));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->calls.size(), 7U);
  EXPECT_EQ(answer->dropped, 3U);
}

TEST_F(SpySessionsTest, not_everybody_can_watch_at_once) {
  for (std::size_t count = 0; count < SpySessions::kMaxSessions; ++count) {
    begin();
  }
  const auto refused = ask({});
  EXPECT_EQ(refused.error().code(), Errc::resource_exhausted);
  ASSERT_TRUE(ask(ending("1")));
  EXPECT_FALSE(begin().empty());
}

TEST_F(SpySessionsTest, what_is_no_question_is_refused) {
  const auto refused = async::run_on_shard_and_wait(control_, sessions_->ask("{", Door::socket, 1000));
  EXPECT_EQ(refused.error().code(), Errc::malformed);
}

}  // namespace
}  // namespace weft::host
