// SPDX-License-Identifier: Apache-2.0
#include "wire/json.hpp"

#include <gtest/gtest.h>

#include "wire/test_json.hpp"

namespace weft::wire {
namespace {

struct Sample {
  std::uint32_t count = 7;
  std::int32_t revision = 0;
  std::optional<std::string> name;
  std::vector<std::string> list;
};

Result<Sample> read_sample(std::string_view text) {
  WEFT_TRY(const auto object, parse_json_object(text, "sample"));
  Sample sample;
  MemberReader members(object);
  members.defaulted("count", sample.count)
      .defaulted("revision", sample.revision)
      .defaulted("name", sample.name)
      .defaulted("list", sample.list);
  return std::move(members).finish("sample", std::move(sample));
}

std::string fault_of(std::string_view text) {
  const auto sample = read_sample(text);
  return sample ? "none" : sample.error().message();
}

TEST(JsonTest, takes_whole_numbers_to_the_edge_of_their_type) {
  EXPECT_EQ(read_sample(R"({"count":4294967295})")->count, 4294967295U);
  EXPECT_EQ(read_sample(R"({"count":0})")->count, 0U);
  EXPECT_EQ(read_sample(R"({"revision":-2147483648})")->revision, std::numeric_limits<std::int32_t>::min());
  EXPECT_EQ(fault_of(R"({"count":4294967296})"), "sample: member `count` must be a whole number from 0 to 4294967295");
  for (const auto* const wrong : {"-1", "1.0", "1e2", "\"1\"", "null", "18446744073709551615", "[1]"}) {
    EXPECT_NE(fault_of(fmt::format(R"({{"count":{}}})", wrong)), "none") << wrong;
  }
}

TEST(JsonTest, takes_null_for_an_absent_member_only_where_it_is_optional) {
  EXPECT_FALSE(read_sample(R"({"name":null})")->name);
  EXPECT_EQ(fault_of(R"({"list":null})"), "sample: member `list` must be an array");
}

TEST(JsonTest, ignores_unknown_members_and_lets_the_last_of_two_win) {
  EXPECT_EQ(read_sample(R"({"x":{"y":[1,2.5,null]},"count":1,"count":2})")->count, 2U);
}

TEST(JsonTest, names_the_place_of_a_fault_in_a_list) {
  EXPECT_EQ(fault_of(R"({"list":["a",1]})"), "sample: member `list` at index 1: must be a string");
}

TEST(JsonTest, refuses_what_is_not_one_object) {
  for (const auto* const wrong : {"", "{", "[]", "{}{}", "nul", "\xEF\xBB\xBF{}", "{\"a\":\"\xFF\"}", "{'a':1}"}) {
    const auto sample = read_sample(wrong);
    ASSERT_FALSE(sample) << wrong;
    EXPECT_EQ(sample.error().code(), Errc::malformed);
    EXPECT_EQ(sample.error().blame(), Blame::peer);
  }
}

TEST(JsonTest, limits_depth_and_size) {
  const auto nested = [](std::size_t depth) {
    return R"({"x":)" + std::string(depth - 1, '[') + std::string(depth - 1, ']') + "}";
  };
  EXPECT_TRUE(read_sample(nested(kMaxJsonDepth)));
  EXPECT_FALSE(read_sample(nested(kMaxJsonDepth + 1)));
  EXPECT_FALSE(read_sample(nested(100000)));
  const std::string padding(kMaxJsonBytes - 2, ' ');
  EXPECT_TRUE(read_sample("{}" + padding));
  EXPECT_FALSE(read_sample("{} " + padding));
}

TEST(JsonTest, writes_utf8_whatever_the_strings_hold) {
  const auto written = [](const std::string& text) { return json_text(boost::json::value(text)); };
  EXPECT_EQ(written("h\xC3\xA9 \xF0\x9F\x98\x80"), "\"h\xC3\xA9 \xF0\x9F\x98\x80\"");
  EXPECT_EQ(written("a\xFF"
                    "b"),
            "\"a\xEF\xBF\xBD"
            "b\"");
  EXPECT_EQ(written("\xED\xA0\x80"), "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");
  EXPECT_EQ(written("\xC3"), "\"\xEF\xBF\xBD\"");
  EXPECT_EQ(written("\"\\\n\x01"), R"("\"\\\n\u0001")");
}

TEST(JsonTest, puts_text_that_is_json_already_into_an_object) {
  EXPECT_EQ(json_text_with({}, "a", "[1]"), R"({"a":[1]})");
  EXPECT_EQ(json_text_with({{"b", 1}}, "a", "{}"), R"({"b":1,"a":{}})");
}

}  // namespace
}  // namespace weft::wire
