// SPDX-License-Identifier: Apache-2.0
// The hexadecimal texts are those of data-plane facts 2.3 and 2.8.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <limits>
#include <random>
#include <string>
#include <string_view>
#include <weft/value.hpp>

#include "base/value_samples.hpp"

namespace weft {
namespace {

using samples::Color;
using samples::Everything;
using samples::Rights;
using std::string_literals::operator""s;

std::string hex(std::span<const std::byte> bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (const std::byte byte : bytes) {
    if (!text.empty()) text += ' ';
    text += digits[std::to_integer<unsigned>(byte) >> 4U];
    text += digits[std::to_integer<unsigned>(byte) & 15U];
  }
  return text;
}

std::vector<std::byte> unhex(std::string_view text) {
  std::vector<std::byte> bytes;
  for (std::size_t at = 0; at + 1 < text.size(); at += 3) {
    bytes.push_back(static_cast<std::byte>(std::stoul(std::string(text.substr(at, 2)), nullptr, 16)));
  }
  return bytes;
}

template <class T>
std::string encoded(const T& value) {
  const auto bytes = encode(value);
  return bytes ? hex(*bytes) : bytes.error().to_string();
}

/// The value has these bytes, and they are read as the value.
template <class T>
void expect_both_ways(const T& value, std::string_view text) {
  EXPECT_EQ(encoded(value), text);
  const auto bytes = unhex(text);
  const auto back = decode<T>(bytes);
  ASSERT_TRUE(back) << text << ": " << back.error().to_string();
  EXPECT_TRUE(*back == value) << text;
}

template <class T>
Errc refused(std::string_view text) {
  const auto bytes = unhex(text);
  const auto value = decode<T>(bytes);
  return value ? Errc::internal : value.error().code();
}

std::uint64_t test_seed() {
  const char* text = std::getenv("WEFT_TEST_SEED");
  return text == nullptr ? std::random_device{}() : std::strtoull(text, nullptr, 10);
}

TEST(ValueTest, integers_have_the_bytes_of_the_protocol) {
  expect_both_ways<std::uint8_t>(200, "c8");
  expect_both_ways<std::int8_t>(-1, "ff");
  expect_both_ways<std::uint16_t>(65535, "ff ff 03");
  expect_both_ways<std::uint32_t>(0, "00");
  expect_both_ways<std::uint32_t>(127, "7f");
  expect_both_ways<std::uint32_t>(128, "80 01");
  expect_both_ways<std::uint32_t>(300, "ac 02");
  expect_both_ways<std::uint32_t>(624485, "e5 8e 26");
  expect_both_ways<std::uint32_t>(0xffffffff, "ff ff ff ff 0f");
  expect_both_ways<std::uint64_t>(~0ULL, "ff ff ff ff ff ff ff ff ff 01");
  expect_both_ways<std::int16_t>(-1, "7f");
  expect_both_ways<std::int16_t>(63, "3f");
  expect_both_ways<std::int16_t>(64, "c0 00");
  expect_both_ways<std::int16_t>(-64, "40");
  expect_both_ways<std::int16_t>(-65, "bf 7f");
  expect_both_ways<std::int32_t>(-123456, "c0 bb 78");
  expect_both_ways<std::int32_t>(2147483647, "ff ff ff ff 07");
  expect_both_ways<std::int64_t>(std::numeric_limits<std::int64_t>::max(), "ff ff ff ff ff ff ff ff ff 00");
}

TEST(ValueTest, full_width_negative_integers_leave_masked_and_are_read_in_both_forms) {
  expect_both_ways<std::int16_t>(-8193, "ff bf 03");
  expect_both_ways<std::int16_t>(-32768, "80 80 02");
  expect_both_ways<std::int32_t>(-134217729, "ff ff ff bf 0f");
  expect_both_ways<std::int32_t>(std::numeric_limits<std::int32_t>::min(), "80 80 80 80 08");
  expect_both_ways<std::int64_t>(-(std::int64_t{1} << 62) - 1, "ff ff ff ff ff ff ff ff bf 01");
  expect_both_ways<std::int64_t>(std::numeric_limits<std::int64_t>::min(), "80 80 80 80 80 80 80 80 80 01");
  EXPECT_EQ(*decode<std::int16_t>(unhex("ff bf 7f")), -8193);
  EXPECT_EQ(*decode<std::int16_t>(unhex("80 80 7e")), -32768);
  EXPECT_EQ(*decode<std::int32_t>(unhex("ff ff ff bf 7f")), -134217729);
  EXPECT_EQ(*decode<std::int32_t>(unhex("80 80 80 80 78")), std::numeric_limits<std::int32_t>::min());
  EXPECT_EQ(*decode<std::int64_t>(unhex("80 80 80 80 80 80 80 80 80 7f")), std::numeric_limits<std::int64_t>::min());
}

TEST(ValueTest, every_16_bit_integer_survives) {
  for (std::int32_t value = -32768; value <= 32767; ++value) {
    const auto narrow = static_cast<std::int16_t>(value);
    ASSERT_EQ(*decode<std::int16_t>(*encode(narrow)), narrow);
    const auto natural = static_cast<std::uint16_t>(narrow);
    ASSERT_EQ(*decode<std::uint16_t>(*encode(natural)), natural);
  }
}

TEST(ValueTest, floats_chars_and_text_have_the_bytes_of_the_protocol) {
  expect_both_ways(1.5F, "00 00 c0 3f");
  expect_both_ways(-2.25, "00 00 00 00 00 00 02 c0");
  expect_both_ways(U'\u00e9', "c3 a9");
  expect_both_ways(U'\u20ac', "e2 82 ac");
  expect_both_ways(U'\U0001f600', "f0 9f 98 80");
  expect_both_ways("hello"s, "05 68 65 6c 6c 6f");
  expect_both_ways("\u00e9"s, "02 c3 a9");
  expect_both_ways(""s, "00");
}

TEST(ValueTest, composites_have_the_bytes_of_the_protocol) {
  expect_both_ways(std::vector<std::uint32_t>{1, 300, 0}, "03 01 ac 02 00");
  expect_both_ways(std::vector<std::uint8_t>{1, 0xff}, "02 01 ff");
  expect_both_ways(std::vector<std::string>{"a", "", "bc"}, "03 01 61 00 02 62 63");
  expect_both_ways(std::optional<std::uint32_t>(), "00");
  expect_both_ways(std::optional<std::uint32_t>(300), "01 ac 02");
  expect_both_ways(std::expected<void, std::string>(), "00");
  expect_both_ways(std::expected<void, std::string>(std::unexpected("no")), "01 02 6e 6f");
  expect_both_ways(std::tuple<std::uint8_t, std::uint32_t, std::string, bool>(0x42, 300, "x", true),
                   "42 ac 02 01 78 01");
  expect_both_ways(Color::blue, "02");
  expect_both_ways(static_cast<Rights>(0x201), "01 02");
  expect_both_ways(std::bitset<17>(0x10000), "00 00 01");
  expect_both_ways(Handle<samples::Bucket>{"\xde\xad\xbe\xef"}, "04 de ad be ef");
  expect_both_ways(samples::Shape(std::in_place_index<2>, "PURGE"), "02 05 50 55 52 47 45");
}

TEST(ValueTest, built_in_calls_have_the_bytes_of_the_protocol) {
  using StoreError = std::variant<std::monostate, std::monostate, std::string>;
  using Got = std::expected<std::optional<std::vector<std::byte>>, StoreError>;
  EXPECT_EQ(encoded(std::tuple("default", "counter")), "07 64 65 66 61 75 6c 74 07 63 6f 75 6e 74 65 72");
  expect_both_ways(Got(std::vector{std::byte{0x34}, std::byte{0x32}}), "00 01 02 34 32");
  expect_both_ways(Got(std::nullopt), "00 00");
  expect_both_ways(Got(std::unexpect, std::in_place_index<2>, "boom"), "01 02 04 62 6f 6f 6d");
  expect_both_ways(Got(std::unexpect, std::in_place_index<0>), "01 00");
}

TEST(ValueTest, random_values_survive) {
  const std::uint64_t seed = test_seed();
  SCOPED_TRACE("WEFT_TEST_SEED=" + std::to_string(seed));
  samples::Maker maker(seed);
  for (int round = 0; round < 3000; ++round) {
    Everything value;
    maker.make(value);
    const auto bytes = encode(value);
    ASSERT_TRUE(bytes) << bytes.error().to_string();
    const auto back = decode<Everything>(*bytes);
    ASSERT_TRUE(back) << back.error().to_string();
    ASSERT_TRUE(*back == value);
    ASSERT_EQ(*encode(*back), *bytes);
  }
}

TEST(ValueTest, every_cut_of_a_value_is_refused) {
  samples::Maker maker(7);
  Everything value;
  maker.make(value);
  value.x = {{1, 2, 3}};
  const auto bytes = *encode(value);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const auto back = decode<Everything>(std::span(bytes).first(size));
    ASSERT_FALSE(back) << "the first " << size << " bytes";
    EXPECT_EQ(back.error().code(), Errc::malformed);
    EXPECT_EQ(back.error().blame(), Blame::peer);
  }
}

TEST(ValueTest, refuses_what_is_no_encoding) {
  EXPECT_EQ(refused<bool>("02"), Errc::malformed);
  EXPECT_EQ(refused<std::optional<bool>>("02 00"), Errc::malformed);
  EXPECT_EQ(refused<std::uint16_t>("ff ff 04"), Errc::malformed);
  EXPECT_EQ(refused<std::uint16_t>("80 80 80 00"), Errc::malformed);
  EXPECT_EQ(refused<std::uint32_t>("ff ff ff ff 10"), Errc::malformed);
  EXPECT_EQ(refused<std::uint64_t>("ff ff ff ff ff ff ff ff ff 02"), Errc::malformed);
  EXPECT_EQ(refused<std::int16_t>("80 80 04"), Errc::malformed);
  EXPECT_EQ(refused<std::int32_t>("80 80 80 80 80 00"), Errc::malformed);
  EXPECT_EQ(refused<char32_t>("ed a0 80"), Errc::malformed) << "a surrogate";
  EXPECT_EQ(refused<char32_t>("f4 90 80 80"), Errc::malformed) << "past the last scalar";
  EXPECT_EQ(refused<char32_t>("c1 81"), Errc::malformed) << "overlong";
  EXPECT_EQ(refused<std::string>("02 c3 28"), Errc::malformed);
  EXPECT_EQ(refused<Color>("03"), Errc::malformed);
  EXPECT_EQ(refused<Rights>("00 04"), Errc::malformed) << "a flag that does not exist";
  EXPECT_EQ(refused<samples::Shape>("05"), Errc::malformed);
}

TEST(ValueTest, accepts_padded_integers_and_ignores_what_follows) {
  EXPECT_EQ(*decode<std::uint32_t>(unhex("85 80 80 80 00")), 5U);
  EXPECT_EQ(*decode<std::uint32_t>(unhex("05 ff ff")), 5U);
}

TEST(ValueTest, a_length_alone_allocates_nothing) {
  EXPECT_EQ(refused<std::vector<std::byte>>("ff ff ff ff 0f"), Errc::malformed);
  EXPECT_EQ(refused<std::vector<Everything>>("ff ff ff ff 0f"), Errc::malformed);
  EXPECT_EQ(refused<std::string>("ff ff ff ff 0f 61"), Errc::malformed);
  EXPECT_EQ(refused<std::vector<std::monostate>>("ff ff ff ff 0f"), Errc::resource_exhausted);
}

TEST(ValueTest, what_a_value_takes_in_memory_is_capped) {
  const auto bytes = *encode(std::vector<std::string>(100, std::string(100, 'x')));
  EXPECT_TRUE(decode<std::vector<std::string>>(bytes, 100 * (100 + sizeof(std::string))));
  const auto refusal = decode<std::vector<std::string>>(bytes, 100 * (100 + sizeof(std::string)) - 1);
  ASSERT_FALSE(refusal);
  EXPECT_EQ(refusal.error().code(), Errc::resource_exhausted);
}

TEST(ValueTest, views_are_read_without_a_copy) {
  const auto bytes = *encode(std::tuple("name"s, std::vector{std::byte{1}}));
  const auto value = decode<std::tuple<std::string_view, std::span<const std::byte>>>(bytes);
  ASSERT_TRUE(value);
  EXPECT_EQ(std::get<0>(*value), "name");
  EXPECT_EQ(std::get<1>(*value).data(), bytes.data() + 6);
}

TEST(ValueTest, what_has_no_encoding_is_refused_on_the_way_out) {
  EXPECT_EQ(encode("\xff"s).error().code(), Errc::invalid_argument);
  EXPECT_EQ(encode(char32_t{0xd800}).error().code(), Errc::invalid_argument);
  EXPECT_EQ(encode(static_cast<Color>(3)).error().code(), Errc::invalid_argument);
  EXPECT_EQ(encode(static_cast<Rights>(0x400)).error().code(), Errc::invalid_argument);
}

TEST(ValueTest, the_writer_grows_past_its_inline_buffer) {
  for (const std::size_t size : {ValueWriter::kInlineBytes - 3, ValueWriter::kInlineBytes, std::size_t{100'000}}) {
    const std::string text(size, 'y');
    EXPECT_EQ(*decode<std::string>(*encode(text)), text);
  }
}

}  // namespace
}  // namespace weft
