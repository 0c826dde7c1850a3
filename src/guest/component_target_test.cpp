// SPDX-License-Identifier: Apache-2.0
#include "guest/component_target.hpp"

#include <fmt/format.h>

#include <deque>

#include "guest/component_target_fixture.hpp"

namespace weft::guest {
namespace {

using Chrono = std::chrono::milliseconds;

TEST_F(ComponentTargetTest, every_type_of_value_crosses_between_two_components) {
  auto& caller = start("caller", "values-caller");
  start("callee", "values-callee");
  link("caller", "callee", "weft:values/echo");
  TestCall call(shards.at(0), caller, "weft:values/drive", "run-values", {}, {});
  const auto answer = call.wait();
  ASSERT_TRUE(answer) << answer.error().to_string();
  EXPECT_EQ(answer->size(), 1) << decoded(std::span(*answer).subspan(1));
  EXPECT_GT(stats_of(*components["callee"], "weft:values/echo").calls, 60);
  EXPECT_EQ(stats_of(*components["callee"], "weft:values/echo").errors, 0);
}

TEST_F(ComponentTargetTest, a_handle_that_outlives_its_instance_is_an_error_that_says_so) {
  auto& caller = start("caller", "values-caller");
  start("callee", "values-callee");
  link("caller", "callee", "weft:values/echo");
  link("caller", "callee", "weft:values/counters");
  TestCall call(shards.at(0), caller, "weft:values/drive", "run", {}, {});
  const auto answer = call.wait();
  ASSERT_FALSE(answer);
  EXPECT_NE(answer.error().message().find("a fresh instance"), std::string::npos) << answer.error().message();
}

TEST_F(ComponentTargetTest, resources_live_as_long_as_their_instance_is_kept) {
  auto& caller = start("caller", "values-caller");
  start("callee", "values-callee", {}, {.reuse = 1'000'000});
  link("caller", "callee", "weft:values/echo");
  link("caller", "callee", "weft:values/counters");
  TestCall call(shards.at(0), caller, "weft:values/drive", "run", {}, {});
  const auto answer = call.wait();
  ASSERT_TRUE(answer) << answer.error().to_string();
  EXPECT_EQ(answer->size(), 1) << decoded(std::span(*answer).subspan(1));
  TestCall alive(shards.at(0), *components["callee"], "weft:values/counters", "alive", {}, {});
  const auto count = alive.wait();
  ASSERT_TRUE(count);
  EXPECT_EQ(*count, engine::Bytes{std::byte{0}}) << "dropped handles reached their owner";
}

TEST_F(ComponentTargetTest, calls_go_through_a_chain_of_three) {
  auto& a = start("a", "relay");
  start("b", "relay");
  start("c", "relay");
  link("a", "b");
  link("b", "c");
  EXPECT_EQ(run(a, "say A;call say B;call say C"), "ABC");
  EXPECT_EQ(run(a, "say A;call say B;call say C", 1), "ABC");
}

TEST_F(ComponentTargetTest, a_cycle_ends_where_calls_are_nested_too_deep) {
  auto& a = start("a", "relay");
  start("b", "relay");
  link("a", "b");
  link("b", "a");
  const auto error = failure(a, "loop");
  EXPECT_EQ(error.code(), Errc::resource_exhausted);
  EXPECT_NE(error.message().find("calls are nested 64 deep"), std::string::npos) << error.message();
  EXPECT_NE(error.hint().find("links that lead back"), std::string::npos) << error.hint();
  EXPECT_EQ(run(a, "say still here"), "still here");
  EXPECT_EQ(a.stats().running, 0);
}

TEST_F(ComponentTargetTest, a_component_may_call_itself) {
  auto& a = start("a", "relay");
  link("a", "a");
  EXPECT_EQ(run(a, "say 1;call say 2;call say 3"), "123");
}

TEST_F(ComponentTargetTest, a_callee_that_traps_fails_its_callers_by_name) {
  auto& a = start("a", "relay");
  start("b", "relay");
  link("a", "b");
  const auto error = failure(a, "call trap");
  EXPECT_EQ(error.code(), Errc::trap);
  EXPECT_EQ(error.message().find(
                "\"a\" failed in weft:relay/relay#run: \"b\" failed in weft:relay/relay#run: the guest trapped"),
            0)
      << error.message();
  EXPECT_EQ(stats_of(*components["b"], kRelay).errors, 1);
  EXPECT_EQ(stats_of(a, kRelay).errors, 1);
}

TEST_F(ComponentTargetTest, a_callee_that_takes_all_memory_fails_alone) {
  auto& a = start("a", "relay");
  start("b", "relay");
  link("a", "b");
  const auto error = failure(a, "call eat");
  EXPECT_NE(error.message().find("after it was refused more memory"), std::string::npos) << error.message();
  EXPECT_EQ(run(a, "call say fine"), "fine");
}

TEST_F(ComponentTargetTest, a_spinning_callee_ends_at_its_own_deadline) {
  auto& a = start("a", "relay");
  start("b", "relay", {}, {.timeout = Chrono(100)});
  link("a", "b");
  const auto error = failure(a, "call spin");
  EXPECT_EQ(error.code(), Errc::deadline_exceeded);
  EXPECT_NE(error.message().find("\"b\" took longer than it may"), std::string::npos) << error.message();
}

TEST_F(ComponentTargetTest, a_callers_deadline_goes_before_a_later_one) {
  auto& a = start("a", "relay");
  start("b", "relay");
  link("a", "b");
  EXPECT_EQ(failure(a, "call spin", within(Chrono(100))).code(), Errc::deadline_exceeded);
  EXPECT_EQ(failure(a, "spin", within(Chrono(50))).code(), Errc::deadline_exceeded);
  EXPECT_TRUE(eventually([&] { return a.stats().running == 0 && components["b"]->stats().running == 0; }));
}

TEST_F(ComponentTargetTest, a_missing_link_traps_the_guest_and_says_what_to_do) {
  auto& a = start("a", "relay");
  publish();
  const auto error = failure(a, "call say x");
  EXPECT_EQ(error.code(), Errc::trap);
  EXPECT_NE(error.message().find("\"a\" has no link named \"default\" for weft:relay/relay"), std::string::npos);
  EXPECT_NE(error.hint().find("weft link put a <target> weft relay --interface relay"), std::string::npos);
  link("a", "nobody");
  EXPECT_NE(failure(a, "call say x").hint().find("weft start component <ref> nobody"), std::string::npos);
}

TEST_F(ComponentTargetTest, what_is_not_exported_or_does_not_decode_is_an_error) {
  auto& a = start("a", "relay");
  const auto call = [&](std::string interface, std::string function, engine::Bytes params) {
    TestCall made(shards.at(0), a, std::move(interface), std::move(function), std::move(params), {});
    return made.wait().error();
  };
  EXPECT_EQ(call("weft:relay/relay", "walk", {}).code(), Errc::not_found);
  const auto version = call("weft:relay/relay@9.0.0", "run", encoded("say x"));
  EXPECT_EQ(version.code(), Errc::not_found);
  EXPECT_NE(version.hint().find("it exports weft:relay/relay;"), std::string::npos) << version.hint();
  EXPECT_EQ(call("", "", {}).code(), Errc::not_found);
  EXPECT_EQ(call("weft:relay/relay", "run", {}).code(), Errc::malformed);
  EXPECT_EQ(call("weft:relay/relay", "run", engine::Bytes(3, std::byte{0xff})).code(), Errc::malformed);
  EXPECT_EQ(run(a, "say x"), "x");
}

TEST_F(ComponentTargetTest, an_answer_that_does_not_decode_is_an_error_of_the_caller) {
  auto& a = start("a", "relay");
  const auto liar = std::make_shared<ManualTarget>("liar");
  liar->answer_at_once(engine::Bytes(2, std::byte{0xff}));
  table.set_target("liar", liar);
  link("a", "liar");
  EXPECT_EQ(failure(a, "call say x").code(), Errc::malformed);
  EXPECT_EQ(a.stats().running, 0);
}

TEST_F(ComponentTargetTest, what_travels_with_a_call_reaches_the_next) {
  auto& a = start("a", "relay");
  const auto next = std::make_shared<ManualTarget>("next");
  next->answer_at_once(encoded("seen"));
  table.set_target("next", next);
  link("a", "next");
  auto context = within(Chrono(20'000));
  context.depth = 7;
  context.trace_parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const auto answer = begin(a, "call say x", 0, context)->wait();
  ASSERT_TRUE(answer);
  EXPECT_EQ(decoded(*answer), "seen");
  const auto asked = next->asked();
  ASSERT_EQ(asked.size(), 1);
  EXPECT_EQ(asked[0].source, "a");
  EXPECT_EQ(asked[0].link_name, "default");
  EXPECT_EQ(asked[0].interface, "weft:relay/relay");
  EXPECT_EQ(asked[0].function, "run");
  EXPECT_EQ(asked[0].depth, 8);
  EXPECT_TRUE(asked[0].has_deadline);
  EXPECT_EQ(asked[0].trace_parent, context.trace_parent);
  EXPECT_EQ(decoded(asked[0].params), "say x");
}

TEST_F(ComponentTargetTest, functions_of_resources_are_found_by_their_names_on_the_wire) {
  auto& callee = start("callee", "values-callee", {}, {.reuse = 100});
  TestCall make(shards.at(0), callee, "weft:values/counters", "counter", {std::byte{5}}, {});
  const auto handle = make.wait();
  ASSERT_TRUE(handle) << handle.error().to_string();
  TestCall get(shards.at(0), callee, "weft:values/counters", "counter.get", *handle, {});
  const auto count = get.wait();
  ASSERT_TRUE(count) << count.error().to_string();
  EXPECT_EQ(*count, engine::Bytes{std::byte{5}});
}

TEST_F(ComponentTargetTest, figures_of_calls_are_counted) {
  auto& a = start("a", "relay");
  for (std::size_t call = 0; call < 10; ++call) EXPECT_EQ(run(a, "say x", call % 2), "x");
  static_cast<void>(failure(a, "trap"));
  const auto stats = stats_of(a, kRelay);
  EXPECT_EQ(stats.calls, 11);
  EXPECT_EQ(stats.errors, 1);
  EXPECT_GT(stats.time.count(), 0);
}

TEST(ComponentStatsTest, latencies_fall_into_powers_of_two) {
  using std::chrono::microseconds;
  EXPECT_EQ(dispatch::latency_bucket(std::chrono::nanoseconds(-1)), 0);
  EXPECT_EQ(dispatch::latency_bucket(std::chrono::nanoseconds(999)), 0);
  EXPECT_EQ(dispatch::latency_bucket(microseconds(1)), 1);
  EXPECT_EQ(dispatch::latency_bucket(microseconds(7)), 3);
  EXPECT_EQ(dispatch::latency_bucket(microseconds(8)), 4);
  EXPECT_EQ(dispatch::latency_bucket(std::chrono::hours(100)), dispatch::kLatencyBuckets - 1);
}

}  // namespace
}  // namespace weft::guest
