// SPDX-License-Identifier: Apache-2.0
// Sends values at the edges of every type through `weft:values/echo` and compares what comes back. Parameters stay with
// the caller; the answers are not freed one by one, the instance ends with the call (except in `pump`).
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <limits>
#include <string_view>

#include "same.hpp"

namespace {

using guest::same;

/// What failed first; null if nothing did.
using Failure = const char*;

caller_string_t text(std::string_view from) {
  return {reinterpret_cast<std::uint8_t*>(const_cast<char*>(from.data())), from.size()};
}

/// A list that lives as long as the instance.
template <class List>
List list(std::initializer_list<std::remove_pointer_t<decltype(List::ptr)>> items) {
  using Item = std::remove_pointer_t<decltype(List::ptr)>;
  List made{};
  made.len = items.size();
  if (made.len == 0) return made;
  made.ptr = static_cast<Item*>(std::malloc(made.len * sizeof(Item)));
  std::memcpy(made.ptr, items.begin(), made.len * sizeof(Item));
  return made;
}

/// `len` items, each made from its place.
template <class List, class Make>
List many(std::size_t len, Make make) {
  List made{};
  made.len = len;
  made.ptr = static_cast<decltype(made.ptr)>(std::malloc(len * sizeof(*made.ptr)));
  for (std::size_t at = 0; at < len; ++at) made.ptr[at] = make(at);
  return made;
}

template <class T>
bool returns_each(T (*function)(T), std::initializer_list<T> values) {
  for (const T value : values) {
    if (!same(function(value), value)) return false;
  }
  return true;
}

template <class T>
bool returns_each(void (*function)(T*, T*), std::initializer_list<T> values) {
  for (T value : values) {
    T answer{};
    function(&value, &answer);
    if (!same(answer, value)) return false;
  }
  return true;
}

/// For options: none, and each value as some.
template <class T>
bool returns_each(bool (*function)(T*, T*), std::initializer_list<T> values) {
  T answer{};
  if (function(nullptr, &answer)) return false;
  for (T value : values) {
    if (!function(&value, &answer) || !same(answer, value)) return false;
  }
  return true;
}

template <class Ok, class Err, class Result>
bool returns_result(bool (*function)(Result*, Ok*, Err*), Ok ok, Err err) {
  Result good{};
  good.val.ok = ok;
  Result bad{};
  bad.is_err = true;
  bad.val.err = err;
  Ok answer_ok{};
  Err answer_err{};
  return function(&good, &answer_ok, &answer_err) && same(answer_ok, ok) && !function(&bad, &answer_ok, &answer_err) &&
         same(answer_err, err);
}

/// The macro gives the function its name in the failure.
#define CHECK(function, ...) \
  if (!returns_each(weft_values_echo_##function, {__VA_ARGS__})) return #function
#define CHECK_THAT(name, ...) \
  if (!(__VA_ARGS__)) return name

template <class T>
constexpr T kLeast = std::numeric_limits<T>::min();
template <class T>
constexpr T kMost = std::numeric_limits<T>::max();
constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr double kWideNan = std::numeric_limits<double>::quiet_NaN();
constexpr std::uint32_t kSurrogatesEnd = 0xE000, kLastChar = 0x10FFFF, kBeforeSurrogates = 0xD7FF;

caller_string_t long_text() {
  constexpr std::string_view kPiece =
      "w\xC3\xA9"
      "ft \xE4\xB8\x96\xF0\x9F\x8E\x89 ";
  caller_string_t made{};
  made.len = kPiece.size() * 5000;
  made.ptr = static_cast<std::uint8_t*>(std::malloc(made.len));
  for (std::size_t at = 0; at < made.len; at += kPiece.size()) std::memcpy(made.ptr + at, kPiece.data(), kPiece.size());
  return made;
}

Failure check_scalars() {
  weft_values_echo_nothing();
  CHECK(echo_bool, false, true);
  CHECK(echo_u8, std::uint8_t{0}, std::uint8_t{1}, kMost<std::uint8_t>);
  CHECK(echo_s8, kLeast<std::int8_t>, std::int8_t{-1}, std::int8_t{0}, kMost<std::int8_t>);
  CHECK(echo_u16, std::uint16_t{0}, std::uint16_t{256}, kMost<std::uint16_t>);
  CHECK(echo_s16, kLeast<std::int16_t>, std::int16_t{-1}, kMost<std::int16_t>);
  CHECK(echo_u32, 0U, 1U << 31, kMost<std::uint32_t>);
  CHECK(echo_s32, kLeast<std::int32_t>, -1, kMost<std::int32_t>);
  CHECK(echo_u64, std::uint64_t{0}, std::uint64_t{1} << 63, kMost<std::uint64_t>);
  CHECK(echo_s64, kLeast<std::int64_t>, std::int64_t{-1}, kMost<std::int64_t>);
  CHECK(echo_f32, 0.0F, -0.0F, 1.5F, kInfinity, -kInfinity, kNan, kLeast<float>, kMost<float>);
  CHECK(echo_f64, 0.0, -0.0, 0.1, double{kInfinity}, kWideNan, kLeast<double>, kMost<double>);
  CHECK(echo_char, std::uint32_t{0}, std::uint32_t{'w'}, kBeforeSurrogates, kSurrogatesEnd, kLastChar);
  CHECK(echo_string, text(""), text("weft"), text(std::string_view("a\0b", 3)), text("\xF0\x9F\x8E\x89"), long_text());
  return nullptr;
}

Failure check_flags_and_enums() {
  CHECK(echo_color, weft_values_echo_color_t{WEFT_VALUES_TYPES_COLOR_RED},
        weft_values_echo_color_t{WEFT_VALUES_TYPES_COLOR_ULTRA_VIOLET});
  CHECK(echo_rights, weft_values_echo_rights_t{0}, weft_values_echo_rights_t{5}, weft_values_echo_rights_t{7});
  CHECK(echo_nine, weft_values_echo_nine_t{0}, weft_values_echo_nine_t{0x100}, weft_values_echo_nine_t{0x1FF});
  CHECK(echo_twenty, weft_values_echo_twenty_t{0}, weft_values_echo_twenty_t{0x80001},
        weft_values_echo_twenty_t{0xFFFFF});
  CHECK(echo_thirty_two, weft_values_echo_thirty_two_t{0}, weft_values_echo_thirty_two_t{0x80000001},
        weft_values_echo_thirty_two_t{0xFFFFFFFF});
  return nullptr;
}

weft_values_types_point_t point(std::int32_t x, std::int32_t y) { return {x, y}; }

/// One of each case, and of each branch inside.
caller_string_t kShapeLabel = text("a label");
weft_values_types_shape_t shape(std::size_t which) {
  weft_values_types_shape_t made{};
  switch (which % 8) {
    case 1:
      made.tag = WEFT_VALUES_TYPES_SHAPE_CIRCLE;
      made.val.circle = 2.5;
      break;
    case 2:
      made.tag = WEFT_VALUES_TYPES_SHAPE_LABEL;
      made.val.label = kShapeLabel;
      break;
    case 3:
      made.tag = WEFT_VALUES_TYPES_SHAPE_POLYGON;
      made.val.polygon =
          list<weft_values_types_list_point_t>({point(0, 0), point(1, -1), point(kLeast<int>, kMost<int>)});
      break;
    case 4:
      made.tag = WEFT_VALUES_TYPES_SHAPE_PAIR;
      made.val.pair = {7, kMost<std::uint64_t>};
      break;
    case 5:
      made.tag = WEFT_VALUES_TYPES_SHAPE_NESTED;
      break;
    case 6:
      made.tag = WEFT_VALUES_TYPES_SHAPE_NESTED;
      made.val.nested.is_some = true;
      made.val.nested.val.val.ok = text("inside");
      break;
    case 7:
      made.tag = WEFT_VALUES_TYPES_SHAPE_NESTED;
      made.val.nested.is_some = true;
      made.val.nested.val.is_err = true;
      made.val.nested.val.val.err = point(3, 4);
      break;
    default:
      break;
  }
  return made;
}

weft_values_types_everything_t everything(std::size_t which) {
  weft_values_types_everything_t made{};
  made.yes = which % 2 == 1;
  made.small = -5;
  made.big = kMost<std::uint64_t> - which;
  made.ratio = 0.25F;
  made.precise = -1e300;
  made.letter = 0x1F389;
  made.name = text("everything");
  made.bytes = list<caller_list_u8_t>({0, 1, 255});
  made.where = point(-1, 1);
  made.tags = list<caller_list_string_t>({text("a"), text(""), text("\xC3\xA9")});
  made.maybe.is_some = which % 3 == 0;
  if (made.maybe.is_some) made.maybe.val = text("some");
  made.outcome.is_err = which % 2 == 0;
  if (made.outcome.is_err) {
    made.outcome.val.err = text("an error");
  } else {
    made.outcome.val.ok = 42;
  }
  made.shape = shape(which);
  made.color = WEFT_VALUES_TYPES_COLOR_BLUE;
  made.rights = WEFT_VALUES_TYPES_RIGHTS_WRITE;
  made.pair = {9, text("pair")};
  return made;
}

Failure check_compounds() {
  CHECK(echo_point, point(0, 0), point(kLeast<int>, kMost<int>));
  CHECK(echo_empty_tail, weft_values_echo_empty_tail_t{1, kMost<std::uint64_t>, 3});
  for (std::size_t which = 0; which < 8; ++which) {
    CHECK(echo_shape, shape(which));
    CHECK(echo_everything, everything(which));
  }
  CHECK(echo_tuple1, caller_tuple1_u8_t{8});
  CHECK(echo_tuple3, caller_tuple3_u8_string_f64_t{1, text("two"), 3.0});
  CHECK(echo_nested_tuple, caller_tuple2_tuple2_u8_u16_tuple1_string_t{{1, 2}, {text("three")}});
  CHECK(echo_option_u8, std::uint8_t{0}, std::uint8_t{255});
  CHECK(echo_option_string, text(""), text("some"));
  CHECK(echo_option_option_u8, caller_option_u8_t{false, 0}, caller_option_u8_t{true, 9});
  CHECK(echo_option_point, point(5, -6));
  return nullptr;
}

Failure check_results() {
  CHECK_THAT("echo_result_both", returns_result(weft_values_echo_echo_result_both, 7U, text("bad")));
  CHECK_THAT("echo_result_float", returns_result(weft_values_echo_echo_result_float, 1.5F, kMost<std::uint64_t>));

  weft_values_echo_result_string_void_t ok{};
  caller_string_t answer{};
  ok.val.ok = text("fine");
  CHECK_THAT("echo_result_ok", weft_values_echo_echo_result_ok(&ok, &answer) && same(answer, ok.val.ok));
  ok.is_err = true;
  CHECK_THAT("echo_result_ok", !weft_values_echo_echo_result_ok(&ok, &answer));

  weft_values_echo_result_void_string_t err{};
  CHECK_THAT("echo_result_err", weft_values_echo_echo_result_err(&err, &answer));
  err.is_err = true;
  err.val.err = text("not fine");
  CHECK_THAT("echo_result_err", !weft_values_echo_echo_result_err(&err, &answer) && same(answer, err.val.err));

  weft_values_echo_result_void_void_t none{};
  CHECK_THAT("echo_result_none", weft_values_echo_echo_result_none(&none));
  none.is_err = true;
  CHECK_THAT("echo_result_none", !weft_values_echo_echo_result_none(&none));
  return nullptr;
}

Failure check_lists_of_scalars() {
  constexpr std::size_t kMany = 10'000;
  CHECK(echo_list_bool, list<caller_list_bool_t>({}), list<caller_list_bool_t>({true, false, true}));
  CHECK(echo_list_u8, list<caller_list_u8_t>({}), list<caller_list_u8_t>({0, 127, 128, 255}),
        many<caller_list_u8_t>(100'000, [](std::size_t at) { return static_cast<std::uint8_t>(at * 7); }));
  CHECK(echo_list_s8, list<caller_list_s8_t>({-128, -1, 0, 127}));
  CHECK(echo_list_u16, list<caller_list_u16_t>({0, 65535}));
  CHECK(echo_list_s16, list<caller_list_s16_t>({-32768, -1, 32767}));
  CHECK(echo_list_u32, list<caller_list_u32_t>({0, kMost<std::uint32_t>}),
        many<caller_list_u32_t>(kMany, [](std::size_t at) { return static_cast<std::uint32_t>(at); }));
  CHECK(echo_list_s32, list<caller_list_s32_t>({kLeast<std::int32_t>, -1, kMost<std::int32_t>}));
  CHECK(echo_list_u64, list<caller_list_u64_t>({0, kMost<std::uint64_t>}));
  CHECK(echo_list_s64, list<caller_list_s64_t>({kLeast<std::int64_t>, -1, kMost<std::int64_t>}));
  CHECK(echo_list_f32, list<caller_list_f32_t>({0.0F, -0.0F, kNan, kInfinity}));
  CHECK(echo_list_f64, list<caller_list_f64_t>({-0.0, kWideNan, kMost<double>}));
  CHECK(echo_list_char, list<caller_list_char32_t>({0, 'w', kBeforeSurrogates, kSurrogatesEnd, kLastChar}));
  return nullptr;
}

Failure check_lists_of_compounds() {
  constexpr std::size_t kMany = 1000;
  const auto words = list<caller_list_string_t>({text("a"), text(""), text("\xE4\xB8\x96")});
  CHECK(echo_list_string, list<caller_list_string_t>({}), words,
        many<caller_list_string_t>(kMany, [](std::size_t) { return text("again and again"); }));
  CHECK(echo_list_list_string, list<caller_list_list_string_t>({words, caller_list_string_t{}, words}));
  CHECK(echo_list_point, many<weft_values_echo_list_point_t>(
                             kMany, [](std::size_t at) { return point(static_cast<int>(at), -static_cast<int>(at)); }));
  CHECK(echo_list_empty_tail, many<weft_values_echo_list_empty_tail_t>(3, [](std::size_t at) {
          return weft_values_types_empty_tail_t{static_cast<std::uint8_t>(at), std::uint64_t{at} << 40, 255};
        }));
  CHECK(echo_list_shape, many<weft_values_echo_list_shape_t>(40, shape));
  CHECK(echo_list_color, list<weft_values_echo_list_color_t>({0, 3, 1}));
  CHECK(echo_list_nine, list<weft_values_echo_list_nine_t>({0, 0x1FF, 0x100}));
  CHECK(echo_list_option_u64, list<caller_list_option_u64_t>({{true, kMost<std::uint64_t>}, {false, 0}, {true, 0}}));
  CHECK(echo_list_result, many<weft_values_echo_list_result_u8_string_t>(10, [](std::size_t at) {
          weft_values_echo_result_u8_string_t made{};
          made.is_err = at % 2 == 0;
          if (made.is_err) {
            made.val.err = text("odd");
          } else {
            made.val.ok = static_cast<std::uint8_t>(at);
          }
          return made;
        }));
  CHECK(echo_list_tuple, list<caller_list_tuple2_string_u8_t>({{text("one"), 1}, {text(""), 0}}));
  CHECK(echo_list_everything, many<weft_values_echo_list_everything_t>(24, everything));
  return nullptr;
}

Failure check_many_parameters() {
  // Each has its own weight, so none may take another's place.
  CHECK_THAT("sum17", weft_values_echo_sum17(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17) == 1785);
  CHECK_THAT("sum16", weft_values_echo_sum16(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16) == 1496);

  caller_string_t a = text("a"), b = text("b"), c = text("c"), f = text("f"), h = text("h"), i = text("i"), joined{};
  caller_list_u8_t d = list<caller_list_u8_t>({'d'});
  weft_values_types_point_t e = point(-1, 2);
  weft_values_types_shape_t g = shape(4);
  weft_values_echo_join_many(&a, &b, &c, &d, &e, &f, &g, &h, &i, &joined);
  CHECK_THAT("join_many", same(joined, text("a,b,c,d,-1,2,f,4,h,i")));
  weft_values_echo_join_many(&a, &b, &c, &d, &e, nullptr, &g, &h, &i, &joined);
  CHECK_THAT("join_many", same(joined, text("a,b,c,d,-1,2,,4,h,i")));

  caller_tuple2_u32_u32_t parts{};
  caller_string_t why{};
  CHECK_THAT("divide", weft_values_echo_divide(17, 5, &parts, &why) && parts.f0 == 3 && parts.f1 == 2);
  CHECK_THAT("divide", !weft_values_echo_divide(17, 0, &parts, &why) && same(why, text("division by zero")));
  return nullptr;
}

Failure check_values() {
  for (const auto check : {check_scalars, check_flags_and_enums, check_compounds, check_results, check_lists_of_scalars,
                           check_lists_of_compounds, check_many_parameters}) {
    if (const Failure failure = check()) return failure;
  }
  return nullptr;
}

std::uint32_t count_of(weft_values_counters_own_counter_t counter) {
  return weft_values_counters_method_counter_get(weft_values_counters_borrow_counter(counter));
}

Failure check_resources() {
  const std::uint32_t before = weft_values_counters_alive();
  auto counter = weft_values_counters_constructor_counter(40);
  CHECK_THAT("counter.add",
             weft_values_counters_method_counter_add(weft_values_counters_borrow_counter(counter), 2) == 42);
  CHECK_THAT("counter.get", count_of(counter) == 42);
  counter = weft_values_counters_pass(counter);
  CHECK_THAT("pass", count_of(counter) == 42);

  weft_values_counters_own_counter_t parsed{};
  caller_string_t why{}, good = text("8"), bad = text("eight");
  CHECK_THAT("counter.parse", weft_values_counters_static_counter_parse(&good, &parsed, &why) && count_of(parsed) == 8);
  CHECK_THAT("total", [&] {
    auto lent = list<weft_values_counters_list_borrow_counter_t>(
        {weft_values_counters_borrow_counter(counter), weft_values_counters_borrow_counter(parsed)});
    return weft_values_counters_total(&lent) == 50;
  }());
  weft_values_counters_own_counter_t none{};
  CHECK_THAT("counter.parse", !weft_values_counters_static_counter_parse(&bad, &none, &why));
  CHECK_THAT("alive", weft_values_counters_alive() == before + 2);

  auto starts = list<caller_list_u32_t>({1, 2, 3});
  weft_values_counters_list_own_counter_t made{};
  weft_values_counters_make(&starts, &made);
  CHECK_THAT("make", made.len == 3 && count_of(made.ptr[2]) == 3);
  weft_values_counters_own_counter_t perhaps{};
  CHECK_THAT("maybe", !weft_values_counters_maybe(false, &perhaps) && weft_values_counters_maybe(true, &perhaps));
  CHECK_THAT("alive", weft_values_counters_alive() == before + 6);

  CHECK_THAT("consume", weft_values_counters_consume(counter) == 42);
  weft_values_counters_counter_drop_own(parsed);
  weft_values_counters_counter_drop_own(perhaps);
  for (std::size_t at = 0; at < made.len; ++at) weft_values_counters_counter_drop_own(made.ptr[at]);
  CHECK_THAT("alive", weft_values_counters_alive() == before);
  return nullptr;
}

bool report(Failure failure, caller_string_t* err) {
  if (failure != nullptr) caller_string_dup(err, failure);
  return failure == nullptr;
}

}  // namespace

bool exports_weft_values_drive_run_values(caller_string_t* err) { return report(check_values(), err); }

bool exports_weft_values_drive_run(caller_string_t* err) {
  const Failure failure = check_values();
  return report(failure != nullptr ? failure : check_resources(), err);
}

std::uint64_t exports_weft_values_drive_pump(std::uint32_t count, std::uint32_t size) {
  auto bytes = many<caller_list_u8_t>(size, [](std::size_t at) { return static_cast<std::uint8_t>(at); });
  std::uint64_t total = 0;
  for (std::uint32_t round = 0; round < count; ++round) {
    caller_list_u8_t answer{};
    weft_values_echo_echo_list_u8(&bytes, &answer);
    total += answer.len;
    caller_list_u8_free(&answer);
  }
  if (size > 0) std::free(bytes.ptr);
  return total;
}
