// SPDX-License-Identifier: Apache-2.0
// Starting, stopping, and children that come and go. Restarts: restarts_test.cpp.
#include "supervision/tree.hpp"

#include "supervision/tree_fixture.hpp"

namespace weft::supervision {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST_F(TreeTest, starts_in_order_each_when_the_one_before_is_ready) {
  scripts["a"].start = Script::Start::silent;
  plant(supervisor("root", Strategy::one_for_one, {child("a"), child("b")})).start(expect("start"));
  runtime->run();
  EXPECT_THAT(record, ElementsAre("start a"));
  EXPECT_EQ(state("a"), NodeState::starting);
  EXPECT_EQ(state("b"), NodeState::waiting);
  lives["a"].started();
  runtime->run();
  EXPECT_EQ(state("a"), NodeState::started);
  EXPECT_THAT(record, ElementsAre("start a"));
  lives["a"].ready();
  runtime->run();
  EXPECT_THAT(record, ElementsAre("start a", "start b"));
  EXPECT_EQ(told["start"], "ok");
  EXPECT_EQ(state(""), NodeState::ready);
}

TEST_F(TreeTest, goes_on_after_started_where_that_is_enough) {
  scripts["a"].start = Script::Start::started;
  auto first = child("a");
  first.gate = Gate::started;
  plant(supervisor("root", Strategy::one_for_one, {first, child("b")})).start(expect("start"));
  runtime->run();
  EXPECT_EQ(told["start"], "ok");
  EXPECT_EQ(state("a"), NodeState::started);
  EXPECT_EQ(state("b"), NodeState::ready);
}

TEST_F(TreeTest, one_that_is_added_and_started_as_far_as_its_gate_is_kept_when_it_fails_then) {
  plant(supervisor("root", Strategy::one_for_one, {})).start();
  runtime->run();
  scripts["a"].start = Script::Start::started;
  auto added = child("a");
  added.gate = Gate::started;
  static_cast<void>(tree->add(tree->root(), added, expect("add")));
  runtime->run();
  EXPECT_EQ(told["add"], "ok");
  lives["a"].ended(Error(Errc::unavailable, "broke"));
  runtime->run();
  EXPECT_THAT(record, ElementsAre("start a", "start a"));
}

TEST_F(TreeTest, stops_in_reverse_order_one_at_a_time) {
  grow(Strategy::one_for_one);
  scripts["b"].stop = Script::Stop::silent;
  tree->stop(expect("stop"));
  runtime->run();
  EXPECT_THAT(record, ElementsAre("stop c", "stop b"));
  lives["b"].ended();
  runtime->run();
  EXPECT_THAT(record, ElementsAre("stop c", "stop b", "stop a"));
  EXPECT_EQ(told["stop"], "ok");
  EXPECT_EQ(state("a"), NodeState::stopped);
  EXPECT_EQ(instances["a"] + instances["b"] + instances["c"], 0);
  EXPECT_FALSE(root_exit);
  EXPECT_EQ(runtime->timers(), 0U);
}

TEST_F(TreeTest, a_supervisor_stops_with_all_below_it_before_the_siblings_before_it) {
  plant(supervisor("root", Strategy::one_for_one,
                   {child("a"), supervisor("s", Strategy::one_for_one, {child("x"), child("y")}), child("b")}));
  tree->start();
  runtime->run();
  tree->stop();
  runtime->run();
  EXPECT_THAT(record, ElementsAre("start a", "start x", "start y", "start b", "stop b", "stop y", "stop x", "stop a"));
}

TEST_F(TreeTest, starts_again_after_it_was_stopped) {
  grow(Strategy::one_for_one);
  tree->stop();
  runtime->run();
  tree->start(expect("again"));
  runtime->run();
  EXPECT_EQ(told["again"], "ok");
  EXPECT_EQ(state("c"), NodeState::ready);
}

TEST_F(TreeTest, a_first_start_that_fails_stops_what_was_started) {
  scripts["b"].start = Script::Start::fails;
  plant(supervisor("root", Strategy::one_for_one, {child("a"), child("b"), child("c")})).start(expect("start"));
  runtime->run();
  EXPECT_THAT(record, ElementsAre("start a", "start b", "stop a"));
  EXPECT_EQ(told["start"], "b cannot start");
  EXPECT_EQ(state(""), NodeState::failed);
  EXPECT_EQ(state("b"), NodeState::failed);
  EXPECT_EQ(state("c"), NodeState::stopped);
  ASSERT_TRUE(root_exit);
}

TEST_F(TreeTest, a_first_start_may_be_retried_and_the_order_is_kept) {
  scripts["a"].start = Script::Start::fails;
  auto first = child("a");
  first.first_start = FirstStart::retried;
  auto root = supervisor("root", Strategy::one_for_one, {first, child("b")});
  root.backoff.initial = Duration(100);
  plant(std::move(root)).start(expect("start"));
  runtime->run();
  EXPECT_THAT(record, ElementsAre("start a", "start a"));
  EXPECT_EQ(state("a"), NodeState::backing_off);
  scripts["a"].start = Script::Start::ready;
  runtime->advance(Duration(100));
  EXPECT_THAT(record, ElementsAre("start a", "start a", "start a", "start b"));
  EXPECT_EQ(told["start"], "ok");
}

TEST_F(TreeTest, a_child_that_cannot_be_made_has_failed_to_start) {
  auto nothing = child("a");
  nothing.make = [] { return nullptr; };
  plant(supervisor("root", Strategy::one_for_one, {nothing})).start(expect("start"));
  runtime->run();
  EXPECT_EQ(told["start"], "a could not be made");
}

TEST_F(TreeTest, a_child_that_is_not_ready_in_time_is_stopped_and_has_failed) {
  scripts["a"].start = Script::Start::started;
  auto slow = child("a");
  slow.start_budget = Duration(200);
  plant(supervisor("root", Strategy::one_for_one, {slow})).start(expect("start"));
  runtime->advance(Duration(199));
  EXPECT_FALSE(told.contains("start"));
  runtime->advance(Duration(1));
  EXPECT_THAT(record, ElementsAre("start a", "stop a"));
  EXPECT_EQ(told["start"], "a was not ready within 200 ms");
}

TEST_F(TreeTest, can_be_stopped_while_it_starts) {
  scripts["a"].start = Script::Start::silent;
  plant(supervisor("root", Strategy::one_for_one, {child("a"), child("b")})).start(expect("start"));
  runtime->run();
  tree->stop(expect("stop"));
  runtime->run();
  EXPECT_THAT(record, ElementsAre("start a", "stop a"));
  EXPECT_EQ(told["start"], "root was stopped");
  EXPECT_EQ(told["stop"], "ok");
}

TEST_F(TreeTest, a_child_that_is_stopped_before_it_was_made_is_never_made) {
  plant(supervisor("root", Strategy::one_for_one, {child("a")})).start(expect("start"));
  tree->stop(expect("stop"));
  runtime->run();
  EXPECT_THAT(record, ElementsAre());
  EXPECT_EQ(told["stop"], "ok");
}

TEST_F(TreeTest, kills_what_does_not_stop_within_its_budget) {
  scripts["a"].stop = Script::Stop::silent;
  plant(supervisor("root", Strategy::one_for_one, {child("a")})).start();
  runtime->run();
  tree->stop(expect("stop"));
  runtime->advance(Duration(4'999));
  EXPECT_EQ(state("a"), NodeState::stopping);
  runtime->advance(Duration(1));
  EXPECT_THAT(record, ElementsAre("start a", "stop a", "kill a"));
  EXPECT_EQ(told["stop"], "ok");
}

TEST_F(TreeTest, destroys_what_does_not_even_end_when_killed) {
  scripts["a"] = {.stop = Script::Stop::silent, .kill = Script::Kill::silent};
  plant(supervisor("root", Strategy::one_for_one, {child("a")})).start();
  runtime->run();
  tree->stop(expect("stop"));
  runtime->advance(Duration(5'000));
  EXPECT_EQ(state("a"), NodeState::killing);
  EXPECT_EQ(instances["a"], 1);
  runtime->advance(Duration(5'000));
  EXPECT_EQ(told["stop"], "ok");
  EXPECT_EQ(instances["a"], 0);
  EXPECT_THAT(info("a").last_failure->text, HasSubstr("did not end after it was killed"));
}

TEST_F(TreeTest, an_error_while_stopping_is_recorded_and_no_failure) {
  grow(Strategy::one_for_one);
  scripts["b"].stop = Script::Stop::fails;
  tree->stop(expect("stop"));
  runtime->run();
  EXPECT_EQ(told["stop"], "ok");
  EXPECT_EQ(state("b"), NodeState::stopped);
  EXPECT_THAT(info("b").last_failure->text, HasSubstr("b cannot stop"));
}

TEST_F(TreeTest, what_is_told_twice_or_too_late_is_let_pass) {
  grow(Strategy::one_for_one);
  const Life old = lives["b"];
  old.ready();
  old.ended();
  old.ended(Error(Errc::io, "again"));
  old.fail(Error(Errc::io, "and again"));
  runtime->run();
  EXPECT_THAT(record, ElementsAre("start b"));
  old.ended();
  runtime->run();
  EXPECT_EQ(state("b"), NodeState::ready);
  EXPECT_EQ(info("b").restarts, 1U);
  tree.reset();
  old.ended();
  runtime->run();
}

TEST_F(TreeTest, adds_a_child_and_tells_when_it_is_ready) {
  grow(Strategy::one_for_one);
  scripts["d"].start = Script::Start::started;
  const auto added = tree->add(tree->root(), child("d"), expect("add"));
  ASSERT_TRUE(added);
  runtime->run();
  EXPECT_FALSE(told.contains("add"));
  lives["d"].ready();
  runtime->run();
  EXPECT_EQ(told["add"], "ok");
  EXPECT_EQ(tree->find("d"), *added);
}

TEST_F(TreeTest, a_child_that_takes_long_holds_no_sibling_up_that_is_added_after_it) {
  grow(Strategy::one_for_one);
  scripts["slow"].start = Script::Start::silent;
  ASSERT_TRUE(tree->add(tree->root(), child("slow"), expect("slow")));
  ASSERT_TRUE(tree->add(tree->root(), child("quick"), expect("quick")));
  runtime->run();
  EXPECT_EQ(told["quick"], "ok");
  EXPECT_FALSE(told.contains("slow"));
}

TEST_F(TreeTest, children_that_have_nothing_to_do_with_each_other_stop_at_once) {
  auto root = supervisor("root", Strategy::one_for_one, {child("a"), child("b"), child("c")});
  root.when_exceeded = WhenExceeded::give_up;
  plant(std::move(root));
  tree->start();
  runtime->run();
  record.clear();
  scripts["b"].stop = Script::Stop::silent;
  tree->stop(expect("stop"));
  runtime->run();
  EXPECT_THAT(record, ElementsAre("stop c", "stop b", "stop a"));
  EXPECT_FALSE(told.contains("stop"));
  lives["b"].ended();
  runtime->run();
  EXPECT_EQ(told["stop"], "ok");
}

TEST_F(TreeTest, a_child_whose_first_start_fails_is_not_kept) {
  grow(Strategy::one_for_all);
  scripts["d"].start = Script::Start::fails;
  ASSERT_TRUE(tree->add(tree->root(), child("d"), expect("add")));
  runtime->run();
  EXPECT_EQ(told["add"], "d cannot start");
  EXPECT_FALSE(tree->find("d"));
  EXPECT_THAT(record, ElementsAre("start d"));
}

TEST_F(TreeTest, refuses_names_that_are_taken_or_none) {
  grow(Strategy::one_for_one);
  EXPECT_EQ(tree->add(tree->root(), child("a")).error().code(), Errc::already_exists);
  EXPECT_EQ(tree->add(tree->root(), child("")).error().code(), Errc::invalid_argument);
  EXPECT_EQ(tree->add(tree->root(), child("a/b")).error().code(), Errc::invalid_argument);
  EXPECT_EQ(tree->add(id("a"), child("d")).error().code(), Errc::invalid_argument);
  EXPECT_EQ(tree->add(99, child("d")).error().code(), Errc::not_found);
  EXPECT_EQ(tree->remove(tree->root()).error().code(), Errc::invalid_argument);
  tree->stop();
  EXPECT_EQ(tree->add(tree->root(), child("d")).error().code(), Errc::unavailable);
}

TEST_F(TreeTest, a_child_added_before_the_start_starts_with_it) {
  plant(supervisor("root", Strategy::one_for_one, {child("a")}));
  ASSERT_TRUE(tree->add(tree->root(), child("b"), expect("add")));
  tree->start(expect("start"));
  runtime->run();
  EXPECT_THAT(record, ElementsAre("start a", "start b"));
  EXPECT_EQ(told["add"], "ok");
}

TEST_F(TreeTest, stops_and_starts_one_child) {
  grow(Strategy::one_for_all);
  ASSERT_TRUE(tree->stop_child(id("b"), expect("stop")));
  ASSERT_TRUE(tree->stop_child(id("b"), expect("stop twice")));
  runtime->run();
  EXPECT_THAT(record, ElementsAre("stop b"));
  EXPECT_EQ(told["stop twice"], "ok");
  EXPECT_EQ(state("b"), NodeState::stopped);
  crash("a");
  EXPECT_EQ(state("b"), NodeState::stopped);
  ASSERT_TRUE(tree->start_child(id("b"), expect("start again")));
  runtime->run();
  EXPECT_EQ(told["start again"], "ok");
  EXPECT_EQ(state("b"), NodeState::ready);
}

TEST_F(TreeTest, a_child_that_is_started_while_it_stops_starts_after_it_has_ended) {
  grow(Strategy::one_for_one);
  scripts["b"].stop = Script::Stop::silent;
  ASSERT_TRUE(tree->stop_child(id("b"), expect("stop")));
  runtime->run();
  ASSERT_TRUE(tree->start_child(id("b"), expect("start again")));
  runtime->run();
  EXPECT_THAT(record, ElementsAre("stop b"));
  lives["b"].ended();
  runtime->run();
  EXPECT_THAT(record, ElementsAre("stop b", "start b"));
  EXPECT_EQ(told["stop"], "ok");
  EXPECT_EQ(told["start again"], "ok");
}

TEST_F(TreeTest, removes_a_child_with_all_below_it) {
  plant(supervisor("root", Strategy::one_for_one, {supervisor("s", Strategy::one_for_one, {child("x")})})).start();
  runtime->run();
  const auto inner = id("s/x");
  ASSERT_TRUE(tree->remove(id("s"), expect("remove")));
  runtime->run();
  EXPECT_EQ(told["remove"], "ok");
  EXPECT_FALSE(tree->find("s"));
  EXPECT_FALSE(tree->info(inner));
  EXPECT_EQ(instances["x"], 0);
}

TEST_F(TreeTest, a_node_may_call_the_tree_from_its_handlers) {
  grow(Strategy::one_for_one);
  ASSERT_TRUE(tree->add(tree->root(), child("d"), [this](const Result<void>&) {
    ASSERT_TRUE(tree->remove(id("d"), expect("remove")));
    ASSERT_TRUE(tree->remove(id("a"), expect("remove a")));
  }));
  runtime->run();
  EXPECT_EQ(told["remove"], "ok");
  EXPECT_EQ(told["remove a"], "ok");
}

TEST_F(TreeTest, a_tree_may_be_destroyed_by_its_own_handler) {
  plant(supervisor("root", Strategy::one_for_one, {child("a")}));
  tree->start([this](const Result<void>&) { tree.reset(); });
  runtime->run();
  EXPECT_EQ(tree, nullptr);
  EXPECT_EQ(instances["a"], 0);
}

TEST_F(TreeTest, destroys_what_runs_in_reverse_order) {
  grow(Strategy::one_for_one);
  destroyed_or_done.clear();
  tree.reset();
  EXPECT_THAT(destroyed_or_done, ElementsAre("destroy c", "destroy b", "destroy a"));
  EXPECT_EQ(runtime->timers(), 0U);
}

TEST_F(TreeTest, tells_changes_with_the_reason) {
  std::vector<std::string> changes;
  TreeOptions options;
  options.root = supervisor("root", Strategy::one_for_one, {child("a")});
  options.on_change = [&](const Change& change) {
    if (change.name == "a") changes.push_back(std::string(to_string(change.to)) + " " + std::string(change.failure));
  };
  tree = std::make_unique<Tree>(runtime, std::move(options));
  tree->start();
  runtime->run();
  tree->report_failure(id("a"), Error(Errc::io, "unhealthy"));
  runtime->run();
  EXPECT_THAT(changes, ElementsAre("starting ", "ready ", "stopping unhealthy", "failed unhealthy", "waiting ",
                                   "starting ", "ready "));
}

// With work that grows with the number of children for each of them, this would take minutes.
TEST_F(TreeTest, ten_thousand_children_start_wait_restart_and_stop) {
  constexpr int kMany = 10'000;
  auto many = supervisor("many", Strategy::one_for_one, {});
  many.when_exceeded = WhenExceeded::give_up;
  many.backoff = {.initial = Duration(1'000), .jitter = 0};
  plant(supervisor("root", Strategy::one_for_one, {many}));
  tree->start();
  runtime->run();
  int added = 0;
  for (int number = 0; number < kMany; ++number) {
    ASSERT_TRUE(tree->add(id("many"), child(std::to_string(number)),
                          [&added](const Result<void>& result) { added += result ? 1 : 0; }));
    runtime->run();
  }
  EXPECT_EQ(added, kMany);
  for (int number = 0; number < 2 * kMany; ++number) crash(std::to_string(number % kMany));
  EXPECT_EQ(state("many/777"), NodeState::backing_off);
  EXPECT_EQ(runtime->timers(), std::size_t{kMany});
  for (int number = 0; number < kMany; number += 2) {
    ASSERT_TRUE(tree->start_child(id("many/" + std::to_string(number))));
    runtime->run();
  }
  EXPECT_EQ(state("many/776"), NodeState::ready);
  EXPECT_EQ(state("many/777"), NodeState::backing_off);
  ASSERT_TRUE(tree->remove(id("many/776"), expect("remove")));
  runtime->run();
  EXPECT_FALSE(tree->find("many/776"));
  tree->stop(expect("stop"));
  runtime->run();
  EXPECT_EQ(told["remove"], "ok");
  EXPECT_EQ(told["stop"], "ok");
  EXPECT_EQ(state("many/0"), NodeState::stopped);
  EXPECT_EQ(state("many/777"), NodeState::stopped);
  EXPECT_EQ(runtime->timers(), 0U);
}

}  // namespace
}  // namespace weft::supervision
