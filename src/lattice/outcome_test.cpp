// SPDX-License-Identifier: Apache-2.0
#include "lattice/outcome.hpp"

#include <gtest/gtest.h>

#include "lattice/control_fixture.hpp"

namespace weft::lattice {
namespace {

using namespace std::chrono_literals;

class OutcomeTest : public ControlTest {
 protected:
  OutcomeWaiter waiter{client, client_shard};

  /// A host of 1.9: takes the command without a journal, and then publishes.
  static async::Task<Accepted> accept_and_publish(bus::Bus* bus, std::string name, std::string data) {
    WEFT_CO_CHECK(bus->publish({.subject = wire::event_subject("test", name),
                                .reply = {},
                                .headers = {},
                                .payload = wire::encode(wire::Event{.name = name,
                                                                    .source = kHostId,
                                                                    .id = "0199c1de-5a7b-0c4e-9d21-6f0b8f1f3a55",
                                                                    .time = "2026-02-04T19:05:35.120394000Z",
                                                                    .data = data})}));
    co_return Accepted{.message = "accepted", .operation = {}};
  }
  Result<Outcome> after_event(ExpectedEvents expected, std::string name, std::string data,
                              std::chrono::milliseconds timeout = 5s) {
    return ask(waiter.run([&] { return accept_and_publish(&bus, name, data); }, std::move(expected), timeout));
  }
};

TEST_F(OutcomeTest, comes_from_the_journal_of_a_host_that_keeps_one) {
  wire::ScaleComponent command;
  command.component_id = "cart";
  command.count = 2;
  command.host_id = kHostId;
  const auto outcome = ask(waiter.run([&] { return client.scale(command); }, expect_component(kHostId, "cart"), 5s));
  ASSERT_TRUE(outcome) << outcome.error().to_string();
  EXPECT_EQ(outcome->message, "serves");
  EXPECT_FALSE(outcome->accepted.operation.empty());
}

TEST_F(OutcomeTest, is_the_reason_when_the_work_failed) {
  wire::StartProvider command;
  command.provider_id = "kv";
  command.host_id = kHostId;
  const auto outcome =
      ask(waiter.run([&] { return client.start_provider(command); }, expect_provider_start(kHostId, "kv"), 5s));
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code(), Errc::refused);
  EXPECT_TRUE(outcome.error().message().contains("no such provider")) << outcome.error().message();
}

TEST_F(OutcomeTest, comes_from_events_of_a_host_without_a_journal) {
  const auto good = after_event(expect_component(kHostId, "cart"), "component_scaled", R"({"component_id":"cart"})");
  EXPECT_TRUE(good) << good.error().to_string();
  const auto bad = after_event(expect_component(kHostId, "cart"), "component_scale_failed",
                               R"({"component_id":"cart","error":"manifest unknown"})");
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().message(), "manifest unknown");
  EXPECT_TRUE(after_event(expect_host_stop(kHostId), "host_stopped", R"({"labels":{}})"));
}

TEST_F(OutcomeTest, events_of_others_are_not_it) {
  const auto other =
      after_event(expect_component(kHostId, "cart"), "component_scaled", R"({"component_id":"x"})", 50ms);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code(), Errc::deadline_exceeded);
  const auto elsewhere =
      after_event(expect_component("NOTHER", "cart"), "component_scaled", R"({"component_id":"cart"})", 50ms);
  EXPECT_FALSE(elsewhere);
}

TEST_F(OutcomeTest, is_the_answer_where_nothing_else_comes) {
  const auto outcome = after_event(expect_answer(kHostId), "config_set", "{}");
  ASSERT_TRUE(outcome) << outcome.error().to_string();
  EXPECT_EQ(outcome->message, "accepted");
}

}  // namespace
}  // namespace weft::lattice
