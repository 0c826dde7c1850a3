// SPDX-License-Identifier: Apache-2.0
/// A value or an Error. A class of its own over std::expected, because an alias would not carry [[nodiscard]].
#pragma once

#include <weft/error.hpp>

#include <expected>
#include <type_traits>
#include <utility>

namespace weft {

template <class T>
class [[nodiscard]] Result {
 public:
  using value_type = T;

  Result(Error error)
      : state_(std::unexpect, std::move(error)) {}  // NOLINT(google-explicit-constructor): `return Error{...}`
  template <class U = T>
    requires(!std::is_void_v<T> && std::is_constructible_v<T, U &&> && !std::is_same_v<std::remove_cvref_t<U>, Error> &&
             !std::is_same_v<std::remove_cvref_t<U>, Result>)
  Result(U&& value)
      : state_(std::in_place, std::forward<U>(value)) {}  // NOLINT(google-explicit-constructor): `return value`
  Result()
    requires std::is_void_v<T>
  = default;

  [[nodiscard]] bool has_value() const noexcept { return state_.has_value(); }
  explicit operator bool() const noexcept { return state_.has_value(); }

  template <class Self>
  decltype(auto) operator*(this Self&& self) {
    return *std::forward<Self>(self).state_;
  }
  auto* operator->() { return state_.operator->(); }
  const auto* operator->() const { return state_.operator->(); }

  [[nodiscard]] const Error& error() const& { return state_.error(); }
  [[nodiscard]] Error&& error() && { return std::move(state_).error(); }

 private:
  std::expected<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  using value_type = void;

  Result() = default;
  Result(Error error)
      : state_(std::unexpect, std::move(error)) {}  // NOLINT(google-explicit-constructor): `return Error{...}`

  [[nodiscard]] bool has_value() const noexcept { return state_.has_value(); }
  explicit operator bool() const noexcept { return state_.has_value(); }
  [[nodiscard]] const Error& error() const& { return state_.error(); }
  [[nodiscard]] Error&& error() && { return std::move(state_).error(); }

 private:
  std::expected<void, Error> state_;
};

}  // namespace weft

// NOLINTBEGIN(bugprone-macro-parentheses): a declaration and a name cannot stand in parentheses.
#define WEFT_CONCAT_INNER(a, b) a##b
#define WEFT_CONCAT(a, b) WEFT_CONCAT_INNER(a, b)
/// `WEFT_TRY(auto x, make_x());` declares x or returns the error.
#define WEFT_TRY(declaration, expression) \
  WEFT_TRY_INNER(declaration, expression, WEFT_CONCAT(weft_result_, __COUNTER__))
#define WEFT_TRY_INNER(declaration, expression, temporary) \
  auto&& temporary = (expression);                         \
  if (!temporary) return std::move(temporary).error();     \
  declaration = *std::move(temporary)
/// `WEFT_CHECK(do_it());` returns the error of a Result<void>.
#define WEFT_CHECK(expression)                                                                  \
  do {                                                                                          \
    if (auto&& weft_result = (expression); !weft_result) return std::move(weft_result).error(); \
  } while (false)
// NOLINTEND(bugprone-macro-parentheses)
