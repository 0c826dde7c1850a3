// SPDX-License-Identifier: Apache-2.0
/// How many calls run, who waits, who is refused, and what becomes of those under way when something changes.
#include <fmt/format.h>

#include <deque>

#include "guest/component_target_fixture.hpp"

namespace weft::guest {
namespace {

using Chrono = std::chrono::milliseconds;

/// `slow` answers when the test says so.
class ComponentLimitsTest : public ComponentTargetTest {
 protected:
  ComponentTarget& start_before_slow(ComponentTargetConfig config, const Limits& limits = {}) {
    auto& a = start("a", "relay", std::move(config), limits);
    table.set_target("slow", slow);
    link("a", "slow");
    return a;
  }

  std::shared_ptr<ManualTarget> slow = std::make_shared<ManualTarget>("slow");
};

TEST_F(ComponentLimitsTest, one_instance_serves_twenty_callers_one_after_the_other) {
  auto& a = start_before_slow({.max_instances = 1});
  std::deque<std::unique_ptr<TestCall>> calls;
  for (std::size_t caller = 0; caller < 20; ++caller) {
    calls.push_back(begin(a, fmt::format("say {} ;call x", caller), caller % 2));
  }
  EXPECT_EQ(a.stats().running, 1);
  EXPECT_EQ(a.stats().queued, 19);
  for (int answered = 0; answered < 20; ++answered) {
    ASSERT_TRUE(slow->has_waiting(1));
    EXPECT_EQ(a.stats().running, 1);
    slow->answer(encoded("ok"));
    ASSERT_TRUE(eventually(
        [&] { return slow->asked().size() == std::min<std::size_t>(20, static_cast<std::size_t>(answered) + 2); }));
  }
  for (std::size_t caller = 0; caller < 20; ++caller) {
    const auto answer = calls[caller]->wait();
    ASSERT_TRUE(answer) << answer.error().to_string();
    EXPECT_EQ(decoded(*answer), fmt::format("{} ok", caller));
  }
  EXPECT_TRUE(eventually([&] { return a.stats().running == 0; }));
  EXPECT_EQ(a.stats().max_instances, 1);
}

TEST_F(ComponentLimitsTest, a_full_queue_sheds) {
  auto& a = start_before_slow({.max_instances = 1, .max_queued = 2});
  const auto running = begin(a, "call x");
  const auto first = begin(a, "say 1");
  const auto second = begin(a, "say 2", 1);
  const auto error = failure(a, "say 3");
  EXPECT_EQ(error.code(), Errc::resource_exhausted);
  EXPECT_NE(error.message().find("all the calls at once that it may have (1)"), std::string::npos) << error.message();
  EXPECT_EQ(a.stats().shed, 1);
  slow->answer(encoded("done"));
  EXPECT_EQ(decoded(*running->wait()), "done");
  EXPECT_EQ(decoded(*first->wait()), "1");
  EXPECT_EQ(decoded(*second->wait()), "2");
}

TEST_F(ComponentLimitsTest, more_instances_let_those_in_that_wait) {
  auto& a = start_before_slow({.max_instances = 1});
  const auto running = begin(a, "call x");
  const auto waiting = begin(a, "say in", 1);
  EXPECT_FALSE(waiting->has_ended());
  a.set_max_instances(2);
  EXPECT_EQ(decoded(*waiting->wait()), "in");
  slow->answer(encoded("done"));
  EXPECT_TRUE(running->wait());
}

TEST_F(ComponentLimitsTest, waiting_for_ones_turn_has_a_deadline_too) {
  auto& a = start_before_slow({.max_instances = 1}, {.timeout = Chrono(0)});
  const auto running = begin(a, "call x");
  const auto error = failure(a, "say late", within(Chrono(50)));
  EXPECT_EQ(error.code(), Errc::deadline_exceeded);
  EXPECT_NE(error.message().find("waiting for its turn"), std::string::npos) << error.message();
  EXPECT_EQ(a.stats().queued, 0);
  slow->answer(encoded("done"));
  EXPECT_TRUE(running->wait());
}

TEST_F(ComponentLimitsTest, one_instance_that_calls_itself_ends_at_its_deadline) {
  auto& a = start("a", "relay", {.max_instances = 1});
  link("a", "a");
  EXPECT_EQ(failure(a, "call say x", within(Chrono(100))).code(), Errc::deadline_exceeded);
  EXPECT_EQ(run(a, "say x"), "x");
}

TEST_F(ComponentLimitsTest, a_call_ends_at_the_target_it_began_with) {
  auto& a = start_before_slow({});
  const auto before = begin(a, "call say x");
  ASSERT_TRUE(slow->has_waiting(1));
  start("b", "relay");
  links["a"].clear();
  link("a", "b");
  EXPECT_EQ(run(a, "call say new"), "new");
  slow->answer(encoded("old"));
  EXPECT_EQ(decoded(*before->wait()), "old");
}

TEST_F(ComponentLimitsTest, a_caller_may_leave_at_every_stage) {
  auto& a = start_before_slow({.max_instances = 1});
  {
    const auto in_import = begin(a, "call x");
    ASSERT_TRUE(slow->has_waiting(1));
    const auto waiting = begin(a, "say x");
    waiting->cancel();
    EXPECT_EQ(a.stats().queued, 0);
    in_import->cancel();
  }
  EXPECT_TRUE(slow->has_waiting(0)) << "the import call is cancelled with its caller";
  EXPECT_EQ(a.stats().running, 0);
  {
    const auto spinning = begin(a, "spin");
    spinning->cancel();
  }
  EXPECT_EQ(a.stats().running, 0);
  {
    start("b", "relay");
    links["a"].clear();
    link("a", "b");
    const auto deeper = begin(a, "call spin");
    deeper->cancel();
  }
  EXPECT_EQ(a.stats().running, 0);
  EXPECT_EQ(components["b"]->stats().running, 0);
  const auto ended = begin(a, "say end");
  EXPECT_TRUE(ended->wait());
  ended->cancel();
  EXPECT_EQ(run(a, "say x"), "x");
}

TEST_F(ComponentLimitsTest, closing_waits_for_what_runs_and_refuses_what_comes) {
  auto& a = start_before_slow({});
  const auto running = begin(a, "call x");
  ASSERT_TRUE(slow->has_waiting(1));
  auto closing = std::async(std::launch::async, [&] { a.close(std::chrono::seconds(20)); });
  ASSERT_TRUE(eventually([&] { return begin(a, "say x")->wait().has_value() == false; }));
  EXPECT_EQ(failure(a, "say x").code(), Errc::unavailable);
  slow->answer(encoded("done"));
  EXPECT_EQ(decoded(*running->wait()), "done");
  closing.get();
}

TEST_F(ComponentLimitsTest, closing_ends_what_does_not_end_by_itself) {
  auto& a = start_before_slow({.max_instances = 2});
  const auto in_import = begin(a, "call x");
  ASSERT_TRUE(slow->has_waiting(1));
  const auto spinning = begin(a, "spin", 1);
  const auto waiting = begin(a, "say x", 1);
  a.close(Chrono(20));
  EXPECT_EQ(in_import->wait().error().code(), Errc::unavailable);
  EXPECT_EQ(spinning->wait().error().code(), Errc::unavailable);
  // The end of another may have let it in at the last moment.
  if (const auto answer = waiting->wait(); !answer) {
    EXPECT_EQ(answer.error().code(), Errc::unavailable);
  }
  EXPECT_TRUE(slow->has_waiting(0));
}

TEST_F(ComponentLimitsTest, an_instance_is_reused_when_it_is_told_so) {
  auto& a = start("a", "relay", {}, {.reuse = 5});
  for (int call = 0; call < 20; ++call) ASSERT_EQ(run(a, "say x"), "x");
  static_cast<void>(failure(a, "trap"));
  EXPECT_EQ(run(a, "say x"), "x");
}

}  // namespace
}  // namespace weft::guest
