// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <concepts>
#include <cstddef>

#include "caller.h"

/// Deep equality of the C types that the bindings make, found by their shape: what has `ptr` and `len` is a list or
/// text, `is_some` an option, `is_err` a result, `f0` a tuple. Records and variants have a function each. All are
/// declared before any is defined because they call each other.
namespace guest {

template <std::integral T>
bool same(T a, T b) {
  return a == b;
}

/// Any NaN is the same as any other: the component model keeps no payload.
template <std::floating_point T>
bool same(T a, T b) {
  return (std::isnan(a) && std::isnan(b)) || (a == b && std::signbit(a) == std::signbit(b));
}

inline bool same(const weft_values_types_point_t& a, const weft_values_types_point_t& b);
inline bool same(const weft_values_types_empty_tail_t& a, const weft_values_types_empty_tail_t& b);
inline bool same(const weft_values_types_shape_t& a, const weft_values_types_shape_t& b);
inline bool same(const weft_values_types_everything_t& a, const weft_values_types_everything_t& b);

template <class T>
concept List = requires(T v) {
  v.ptr;
  v.len;
};
template <class T>
concept Option = requires(T v) { v.is_some; };
template <class T>
concept Result = requires(T v) { v.is_err; };
template <class T>
concept Tuple = requires(T v) { v.f0; };

template <List T>
bool same(const T& a, const T& b);
template <Option T>
bool same(const T& a, const T& b);
template <Result T>
bool same(const T& a, const T& b);
template <Tuple T>
bool same(const T& a, const T& b);

template <List T>
bool same(const T& a, const T& b) {
  if (a.len != b.len) return false;
  for (std::size_t at = 0; at < a.len; ++at) {
    if (!same(a.ptr[at], b.ptr[at])) return false;
  }
  return true;
}

template <Option T>
bool same(const T& a, const T& b) {
  return a.is_some == b.is_some && (!a.is_some || same(a.val, b.val));
}

template <Result T>
bool same(const T& a, const T& b) {
  if (a.is_err != b.is_err) return false;
  if (a.is_err) {
    if constexpr (requires { a.val.err; }) return same(a.val.err, b.val.err);
  } else {
    if constexpr (requires { a.val.ok; }) return same(a.val.ok, b.val.ok);
  }
  return true;
}

template <Tuple T>
bool same(const T& a, const T& b) {
  if constexpr (requires { a.f2; }) {
    if (!same(a.f2, b.f2)) return false;
  }
  if constexpr (requires { a.f1; }) {
    if (!same(a.f1, b.f1)) return false;
  }
  return same(a.f0, b.f0);
}

inline bool same(const weft_values_types_point_t& a, const weft_values_types_point_t& b) {
  return a.x == b.x && a.y == b.y;
}

inline bool same(const weft_values_types_empty_tail_t& a, const weft_values_types_empty_tail_t& b) {
  return a.a == b.a && a.b == b.b && a.c == b.c;
}

inline bool same(const weft_values_types_shape_t& a, const weft_values_types_shape_t& b) {
  if (a.tag != b.tag) return false;
  switch (a.tag) {
    case WEFT_VALUES_TYPES_SHAPE_CIRCLE:
      return same(a.val.circle, b.val.circle);
    case WEFT_VALUES_TYPES_SHAPE_LABEL:
      return same(a.val.label, b.val.label);
    case WEFT_VALUES_TYPES_SHAPE_POLYGON:
      return same(a.val.polygon, b.val.polygon);
    case WEFT_VALUES_TYPES_SHAPE_PAIR:
      return same(a.val.pair, b.val.pair);
    case WEFT_VALUES_TYPES_SHAPE_NESTED:
      return same(a.val.nested, b.val.nested);
    default:
      return true;
  }
}

inline bool same(const weft_values_types_everything_t& a, const weft_values_types_everything_t& b) {
  return same(a.yes, b.yes) && same(a.small, b.small) && same(a.big, b.big) && same(a.ratio, b.ratio) &&
         same(a.precise, b.precise) && same(a.letter, b.letter) && same(a.name, b.name) && same(a.bytes, b.bytes) &&
         same(a.where, b.where) && same(a.tags, b.tags) && same(a.maybe, b.maybe) && same(a.outcome, b.outcome) &&
         same(a.shape, b.shape) && same(a.color, b.color) && same(a.rights, b.rights) && same(a.pair, b.pair);
}

}  // namespace guest
