// SPDX-License-Identifier: Apache-2.0
// The small things that hosts put into messages: ids, times, names, and configuration made of parts.
#include <gtest/gtest.h>

#include <set>

#include "wire/config_merge.hpp"
#include "wire/friendly_name.hpp"
#include "wire/time_text.hpp"
#include "wire/uuid.hpp"

namespace weft::wire {
namespace {

using std::chrono::system_clock;
using Map = std::map<std::string, std::string>;

system_clock::time_point at(std::int64_t nanoseconds) {
  return system_clock::time_point{std::chrono::nanoseconds(nanoseconds)};
}

TEST(UuidTest, writes_lower_case_with_hyphens) {
  EXPECT_EQ(uuid_text({0x01, 0x99, 0xc1, 0xde, 0x5a, 0x7b, 0x0c, 0x4e, 0x9d, 0x21, 0x6f, 0x0b, 0x8f, 0x1f, 0x3a, 0x55}),
            "0199c1de-5a7b-0c4e-9d21-6f0b8f1f3a55");
}

TEST(UuidTest, sorts_by_time) {
  const std::array<std::uint8_t, 10> high{255, 255}, low{};
  const auto early = uuid_text(time_ordered_uuid(at(1'770'231'935'120'000'000), high));
  const auto late = uuid_text(time_ordered_uuid(at(1'770'231'935'121'000'000), low));
  EXPECT_LT(early, late);
  EXPECT_EQ(early, "019c2a0b-b090-ffff-0000-000000000000");
}

TEST(TimeTextTest, has_nine_digits) {
  EXPECT_EQ(time_text(at(1'795'209'671'865'985'051)), "2026-11-20T21:21:11.865985051Z");
  EXPECT_EQ(time_text(at(0)), "1970-01-01T00:00:00.000000000Z");
  EXPECT_EQ(time_text(at(1)), "1970-01-01T00:00:00.000000001Z");
  EXPECT_EQ(time_text(at(-1)), "1969-12-31T23:59:59.999999999Z");
  EXPECT_EQ(time_text(at(1'709'251'199'000'000'000)), "2024-02-29T23:59:59.000000000Z");
}

TEST(TimeTextTest, reads_moments_in_utc) {
  const auto seconds = [](std::string_view text) {
    const auto moment = parse_time(text);
    return moment ? moment->time_since_epoch().count() : -1;
  };
  EXPECT_EQ(seconds("2026-11-20T21:21:11.865985051Z"), 1'795'209'671);
  EXPECT_EQ(seconds("1970-01-01T00:00:00Z"), 0);
  for (const auto* const text : {"", "Z", "2026-11-20T21:21:11", "2026-11-20T21:21:11.Z", "2026-11-20T21:21:11.1xZ",
                                 "2026-13-20T21:21:11Z", "2026-02-30T21:21:11Z", "2026-11-20T24:21:11Z",
                                 "2026-11-20 21:21:11Z", "2026-11-20T21:21:11+01:00", "-026-11-20T21:21:11Z"}) {
    EXPECT_EQ(seconds(text), -1) << text;
  }
}

TEST(ConfigMergeTest, lets_the_right_most_win) {
  const Map a{{"x", "1"}, {"y", "2"}}, b{{"y", "3"}};
  EXPECT_EQ(merge_config(std::array{a, b}), (Map{{"x", "1"}, {"y", "3"}}));
  EXPECT_EQ(merge_config(std::array{b, a}), (Map{{"x", "1"}, {"y", "2"}}));
  EXPECT_EQ(merge_config({}), Map{});
}

TEST(ConfigMergeTest, keeps_secrets_apart) {
  const std::vector<std::string> names{"b", "SECRET_db", "a", "SECRETS", "secret_x", "MY_SECRET"};
  const auto split = split_config_names(names);
  EXPECT_EQ(split.configs, (std::vector<std::string>{"b", "a", "secret_x", "MY_SECRET"}));
  EXPECT_EQ(split.secrets, (std::vector<std::string>{"SECRET_db", "SECRETS"}));
}

TEST(FriendlyNameTest, has_two_words_and_four_digits) {
  std::set<std::string> names;
  for (std::uint64_t random = 1; random != 0; random <<= 1) {
    const auto name = friendly_name(random * 7);
    const auto first = name.find('-'), last = name.rfind('-');
    ASSERT_NE(first, last) << name;
    EXPECT_EQ(name.size() - last, 5U) << name;
    EXPECT_EQ(name.find_first_not_of("abcdefghijklmnopqrstuvwxyz-0123456789"), std::string::npos) << name;
    names.insert(name);
  }
  EXPECT_GT(names.size(), 20U);
  EXPECT_EQ(friendly_name(42), friendly_name(42));
}

}  // namespace
}  // namespace weft::wire
