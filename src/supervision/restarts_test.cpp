// SPDX-License-Identifier: Apache-2.0
// What happens after a failure: strategies, intensity, escalation, pauses, monitors and links.
#include "supervision/tree_fixture.hpp"

namespace weft::supervision {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

using RestartsTest = TreeTest;

TEST_F(RestartsTest, one_for_one_restarts_only_the_child_that_failed) {
  grow(Strategy::one_for_one);
  crash("b");
  EXPECT_THAT(record, ElementsAre("start b"));
  EXPECT_EQ(info("b").restarts, 1U);
  EXPECT_THAT(info("b").last_failure->text, HasSubstr("b crashed"));
}

TEST_F(RestartsTest, one_for_all_stops_the_others_in_reverse_and_starts_all_in_order) {
  grow(Strategy::one_for_all);
  crash("b");
  EXPECT_THAT(record, ElementsAre("stop c", "stop a", "start a", "start b", "start c"));
}

TEST_F(RestartsTest, rest_for_one_leaves_those_before_alone) {
  grow(Strategy::rest_for_one);
  crash("b");
  EXPECT_THAT(record, ElementsAre("stop c", "start b", "start c"));
}

TEST_F(RestartsTest, a_failure_during_a_restart_of_the_group_widens_it) {
  grow(Strategy::rest_for_one);
  scripts["c"].stop = Script::Stop::silent;
  crash("b");
  EXPECT_THAT(record, ElementsAre("stop c"));
  crash("a");
  lives["c"].ended();
  runtime->run();
  EXPECT_THAT(record, ElementsAre("stop c", "start a", "start b", "start c"));
}

TEST_F(RestartsTest, a_transient_child_is_restarted_after_a_failure_only) {
  plant(supervisor("root", Strategy::one_for_one, {child("a", Restart::transient)})).start();
  runtime->run();
  crash("a");
  EXPECT_EQ(state("a"), NodeState::ready);
  lives["a"].ended();
  runtime->run();
  EXPECT_EQ(state("a"), NodeState::ended);
}

TEST_F(RestartsTest, a_permanent_child_is_restarted_after_a_normal_end_too) {
  grow(Strategy::one_for_one);
  lives["a"].ended();
  runtime->run();
  EXPECT_THAT(record, ElementsAre("start a"));
}

TEST_F(RestartsTest, a_temporary_child_is_gone_after_it_failed) {
  grow(Strategy::one_for_one);
  ASSERT_TRUE(tree->add(tree->root(), child("d", Restart::temporary)));
  runtime->run();
  crash("d");
  EXPECT_FALSE(tree->find("d"));
}

TEST_F(RestartsTest, a_job_that_ends_normally_has_started_well) {
  scripts["a"].start = Script::Start::ends;
  plant(supervisor("root", Strategy::one_for_one, {child("a", Restart::transient), child("b")})).start(expect("start"));
  runtime->run();
  EXPECT_EQ(told["start"], "ok");
  EXPECT_EQ(state("a"), NodeState::ended);
}

TEST_F(RestartsTest, a_reported_failure_stops_the_node_first) {
  grow(Strategy::one_for_one);
  tree->report_failure(id("b"), Error(Errc::io, "unhealthy"));
  runtime->run();
  EXPECT_THAT(record, ElementsAre("stop b", "start b"));
  EXPECT_THAT(info("b").last_failure->text, HasSubstr("unhealthy"));
}

TEST_F(RestartsTest, the_first_restart_is_immediate_and_the_next_wait_ever_longer) {
  auto root = supervisor("root", Strategy::one_for_one, {child("a")});
  root.backoff = {.initial = Duration(100), .factor = 2, .maximum = Duration(300), .jitter = 0};
  plant(std::move(root)).start();
  runtime->run();
  for (const int pause : {0, 100, 200, 300, 300}) {
    record.clear();
    crash("a");
    if (pause > 0) {
      EXPECT_EQ(state("a"), NodeState::backing_off);
      runtime->advance(Duration(pause - 1));
      EXPECT_THAT(record, ElementsAre());
      runtime->advance(Duration(1));
    }
    EXPECT_THAT(record, ElementsAre("start a"));
  }
  runtime->advance(Duration(60'000));
  crash("a");
  EXPECT_EQ(state("a"), NodeState::ready) << "after a minute of health the next failure is the first again";
}

TEST_F(RestartsTest, a_child_that_waits_does_not_hold_up_its_siblings) {
  auto root = supervisor("root", Strategy::one_for_one, {child("a"), child("b")});
  root.backoff.initial = Duration(1'000);
  plant(std::move(root)).start();
  runtime->run();
  crash("a");
  crash("a");
  EXPECT_EQ(state("a"), NodeState::backing_off);
  crash("b");
  EXPECT_EQ(state("b"), NodeState::ready);
  ASSERT_TRUE(tree->start_child(id("a"), expect("now")));
  runtime->run();
  EXPECT_EQ(told["now"], "ok");
  EXPECT_EQ(runtime->timers(), 0U);
}

TEST_F(RestartsTest, a_child_can_be_stopped_while_it_waits) {
  auto root = supervisor("root", Strategy::one_for_one, {child("a")});
  root.backoff.initial = Duration(1'000);
  plant(std::move(root)).start();
  runtime->run();
  crash("a");
  crash("a");
  tree->stop(expect("stop"));
  runtime->run();
  EXPECT_EQ(told["stop"], "ok");
  EXPECT_EQ(state("a"), NodeState::stopped);
  EXPECT_EQ(runtime->timers(), 0U);
}

TEST_F(RestartsTest, one_restart_too_many_escalates) {
  auto inner = supervisor("s", Strategy::one_for_one, {child("x"), child("y")});
  inner.intensity = {.restarts = 2, .within = Duration(1'000)};
  plant(supervisor("root", Strategy::rest_for_one, {child("a"), inner, child("b")})).start();
  runtime->run();
  crash("x");
  crash("x");
  record.clear();
  crash("x");
  EXPECT_THAT(record, ElementsAre("stop y", "stop b", "start x", "start y", "start b"));
  EXPECT_EQ(info("s").restarts, 1U);
  EXPECT_THAT(info("s").last_failure->text, HasSubstr("more than 2 restarts within 1000 ms, the last of x"));
  EXPECT_FALSE(root_exit);
}

TEST_F(RestartsTest, restarts_are_forgotten_after_the_window) {
  auto root = supervisor("root", Strategy::one_for_one, {child("a")});
  root.intensity = {.restarts = 1, .within = Duration(1'000)};
  plant(std::move(root)).start();
  runtime->run();
  for (int i = 0; i < 5; ++i) {
    crash("a");
    runtime->advance(Duration(1'001));
  }
  EXPECT_EQ(state("a"), NodeState::ready);
}

TEST_F(RestartsTest, the_tree_ends_when_its_root_gives_up) {
  auto root = supervisor("root", Strategy::one_for_one, {child("a"), child("b")});
  root.intensity.restarts = 0;
  plant(std::move(root)).start();
  runtime->run();
  crash("b");
  ASSERT_TRUE(root_exit);
  EXPECT_EQ(root_exit->kind, ExitKind::failure);
  EXPECT_EQ(state(""), NodeState::failed);
  EXPECT_EQ(instances["a"], 0);
}

TEST_F(RestartsTest, a_supervisor_may_give_up_one_child_and_keep_the_others) {
  auto root = supervisor("root", Strategy::one_for_one, {child("a"), child("b")});
  root.intensity = {.restarts = 1, .within = Duration(1'000)};
  root.when_exceeded = WhenExceeded::give_up;
  plant(std::move(root)).start();
  runtime->run();
  crash("a");
  crash("b");
  crash("a");
  EXPECT_EQ(state("a"), NodeState::failed);
  EXPECT_EQ(state("b"), NodeState::ready);
  EXPECT_EQ(state(""), NodeState::ready);
  ASSERT_TRUE(tree->start_child(id("a"), expect("start")));
  runtime->run();
  EXPECT_EQ(told["start"], "ok");
}

TEST_F(RestartsTest, a_restart_that_fails_counts_as_a_restart) {
  auto root = supervisor("root", Strategy::one_for_one, {child("a")});
  root.intensity = {.restarts = 3, .within = Duration(1'000)};
  plant(std::move(root)).start();
  runtime->run();
  scripts["a"].start = Script::Start::fails;
  record.clear();
  crash("a");
  EXPECT_THAT(record, ElementsAre("start a", "start a", "start a"));
  EXPECT_TRUE(root_exit);
}

TEST_F(RestartsTest, a_supervisor_that_is_restarted_keeps_added_children_but_temporary_ones) {
  auto inner = supervisor("s", Strategy::one_for_one, {child("x")});
  inner.intensity.restarts = 0;
  plant(supervisor("root", Strategy::one_for_one, {inner})).start();
  runtime->run();
  ASSERT_TRUE(tree->add(id("s"), child("y")));
  ASSERT_TRUE(tree->add(id("s"), child("z", Restart::temporary)));
  runtime->run();
  crash("x");
  EXPECT_EQ(state("s/y"), NodeState::ready);
  EXPECT_FALSE(tree->find("s/z"));
}

TEST_F(RestartsTest, a_monitor_is_told_once_with_the_reason) {
  grow(Strategy::one_for_one);
  std::vector<std::string> ends;
  const auto note = [&](NodeId, const Exit& exit) { ends.push_back(exit.to_string()); };
  tree->monitor(id("a"), note);
  tree->demonitor(tree->monitor(id("a"), note));
  crash("a");
  crash("a");
  EXPECT_THAT(ends, ElementsAre("failure: a crashed"));
  tree->monitor(id("b"), note);
  tree->stop();
  runtime->run();
  tree->monitor(id("b"), note);
  runtime->run();
  EXPECT_THAT(ends, ElementsAre("failure: a crashed", "shutdown", HasSubstr("does not run")));
}

TEST_F(RestartsTest, links_share_a_failure_both_ways_and_end_with_it) {
  grow(Strategy::one_for_one);
  ASSERT_TRUE(tree->link(id("a"), id("c")));
  ASSERT_TRUE(tree->link(id("c"), id("a")));
  crash("c");
  EXPECT_THAT(record, ElementsAre("start c", "stop a", "start a"));
  EXPECT_THAT(info("a").last_failure->text, HasSubstr("linked with c"));
  record.clear();
  crash("a");
  EXPECT_THAT(record, ElementsAre("start a")) << "the link was of the incarnations before";
}

TEST_F(RestartsTest, a_normal_end_and_an_unlinked_one_are_not_shared) {
  grow(Strategy::one_for_one);
  ASSERT_TRUE(tree->link(id("a"), id("b")));
  lives["a"].ended();
  runtime->run();
  EXPECT_THAT(record, ElementsAre("start a"));
  ASSERT_TRUE(tree->link(id("a"), id("b")));
  tree->unlink(id("b"), id("a"));
  crash("a");
  EXPECT_THAT(record, ElementsAre("start a", "start a"));
}

TEST_F(RestartsTest, a_child_may_trap_the_end_of_those_it_is_linked_with) {
  std::vector<std::string> trapped;
  auto trapping = child("t");
  trapping.on_linked_exit = [&](NodeId, const Exit& exit) { trapped.push_back(exit.to_string()); };
  plant(supervisor("root", Strategy::one_for_one, {child("a"), trapping})).start();
  runtime->run();
  ASSERT_TRUE(tree->link(id("a"), id("t")));
  record.clear();
  crash("a");
  EXPECT_THAT(trapped, ElementsAre("failure: a crashed"));
  EXPECT_THAT(record, ElementsAre("start a"));
}

TEST_F(RestartsTest, what_does_not_run_cannot_be_linked) {
  grow(Strategy::one_for_one);
  EXPECT_EQ(tree->link(id("a"), 99).error().code(), Errc::not_found);
  EXPECT_EQ(tree->link(id("a"), id("a")).error().code(), Errc::invalid_argument);
  ASSERT_TRUE(tree->stop_child(id("b")));
  runtime->run();
  EXPECT_EQ(tree->link(id("a"), id("b")).error().code(), Errc::unavailable);
}

}  // namespace
}  // namespace weft::supervision
