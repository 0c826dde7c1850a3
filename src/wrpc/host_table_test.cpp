// SPDX-License-Identifier: Apache-2.0
#include "wrpc/host_table.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace weft::wrpc {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

class HostTableTest : public testing::Test {
 protected:
  static HostTable::Clock::time_point at(std::chrono::milliseconds time) {
    return HostTable::Clock::time_point() + 1h + time;
  }
  /// Looks every half second, as a host does.
  std::vector<std::string> look_until(std::chrono::milliseconds from, std::chrono::milliseconds to) {
    std::vector<std::string> fallen;
    for (auto time = from; time <= to; time += 500ms) {
      for (auto& host : table_.look(at(time))) {
        fallen.push_back(std::move(host));
      }
    }
    return fallen;
  }

  HostTable table_{2'500ms};
};

TEST_F(HostTableTest, tells_once_of_a_host_that_falls_silent) {
  table_.heard("a", "life", at(0ms));
  EXPECT_EQ(table_.heard("b", "life", at(0ms)), HostTable::Heard::first);
  EXPECT_THAT(look_until(0ms, 1'500ms), IsEmpty());
  EXPECT_EQ(table_.silent(), nullptr);

  table_.heard("b", "life", at(1'600ms));
  EXPECT_THAT(look_until(2'000ms, 3'500ms), ElementsAre("a"));
  ASSERT_NE(table_.silent(), nullptr);
  EXPECT_THAT(*table_.silent(), ElementsAre("a"));
}

TEST_F(HostTableTest, takes_back_a_host_that_is_heard_again) {
  table_.heard("a", "life", at(0ms));
  EXPECT_THAT(look_until(0ms, 3'000ms), ElementsAre("a"));
  EXPECT_EQ(table_.heard("a", "life", at(3'100ms)), HostTable::Heard::back);
  EXPECT_EQ(table_.heard("a", "life", at(3'200ms)), HostTable::Heard::known);
  EXPECT_EQ(table_.silent(), nullptr);
  EXPECT_THAT(look_until(3'500ms, 5'500ms), IsEmpty());
}

TEST_F(HostTableTest, forgets_who_has_left) {
  table_.heard("a", "life", at(0ms));
  EXPECT_TRUE(table_.forget("a"));
  EXPECT_THAT(look_until(0ms, 9'000ms), IsEmpty());
  EXPECT_EQ(table_.size(), 0U);

  table_.heard("a", "life", at(9'000ms));
  EXPECT_THAT(look_until(9'500ms, 12'000ms), ElementsAre("a"));
  EXPECT_TRUE(table_.forget("a"));
  EXPECT_FALSE(table_.forget("a"));
  EXPECT_EQ(table_.silent(), nullptr);
}

TEST_F(HostTableTest, tells_a_process_from_the_one_before_it) {
  table_.heard("a", "first", at(0ms));
  EXPECT_EQ(table_.heard("a", "first", at(500ms)), HostTable::Heard::known);
  EXPECT_EQ(table_.heard("a", "second", at(600ms)), HostTable::Heard::reborn);
  EXPECT_EQ(table_.heard("a", "second", at(700ms)), HostTable::Heard::known);
  // Whether or not anybody has noticed that it was away.
  EXPECT_THAT(look_until(700ms, 3'200ms), ElementsAre("a"));
  EXPECT_EQ(table_.heard("a", "third", at(3'300ms)), HostTable::Heard::reborn);
  EXPECT_EQ(table_.silent(), nullptr);
}

TEST_F(HostTableTest, knows_who_is_overdue) {
  table_.heard("a", "life", at(0ms));
  table_.heard("b", "life", at(500ms));
  EXPECT_THAT(table_.overdue(at(700ms), 750ms), IsEmpty());
  EXPECT_THAT(table_.overdue(at(800ms), 750ms), ElementsAre("a"));
  EXPECT_THAT(table_.overdue(at(9'000ms), 750ms), ElementsAre("a", "b"));
}

TEST_F(HostTableTest, blames_nobody_for_a_pause_of_its_own) {
  table_.heard("a", "life", at(0ms));
  EXPECT_THAT(look_until(0ms, 500ms), IsEmpty());
  EXPECT_THAT(table_.look(at(60'000ms)), IsEmpty());
  EXPECT_THAT(look_until(60'500ms, 62'000ms), IsEmpty());
  EXPECT_THAT(look_until(62'500ms, 62'500ms), ElementsAre("a"));
}

TEST_F(HostTableTest, blames_nobody_for_what_could_not_be_heard) {
  table_.heard("a", "life", at(0ms));
  EXPECT_THAT(look_until(0ms, 2'500ms), ElementsAre("a"));
  table_.excuse_all(at(2'600ms));
  EXPECT_EQ(table_.silent(), nullptr);
  EXPECT_THAT(look_until(3'000ms, 5'000ms), IsEmpty());
  EXPECT_THAT(look_until(5'500ms, 5'500ms), ElementsAre("a"));
}

TEST_F(HostTableTest, follows_no_more_hosts_than_it_has_room_for) {
  for (std::size_t number = 0; number <= HostTable::kMaxHosts; ++number) {
    table_.heard(std::to_string(number), "life", at(0ms));
  }
  EXPECT_EQ(table_.size(), HostTable::kMaxHosts);
  EXPECT_EQ(table_.heard("one more", "life", at(0ms)), HostTable::Heard::known) << "nobody greets it again and again";
}

}  // namespace
}  // namespace weft::wrpc
