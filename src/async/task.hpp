// SPDX-License-Identifier: Apache-2.0
/// Coroutines of the control side: `Task<T>` is an awaitable of `Result<T>`, and `co_await` gives the Result.
///
///   Task<Config> load(std::string name) {
///     WEFT_CO_TRY(auto entry, co_await bucket_->get(name));
///     co_return decode(entry);
///   }
///
/// Not for the call path, which uses callbacks (style: section 7). Parameters of a Task are values: a lazy coroutine
/// outlives the expression that made it. Threads: a Task runs on the executor it was spawned on.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <utility>
#include <weft/result.hpp>

namespace weft::async {

template <class T = void>
using Task = boost::asio::awaitable<Result<T>>;

}  // namespace weft::async

// NOLINTBEGIN(bugprone-macro-parentheses): a declaration and a name cannot stand in parentheses.
/// `WEFT_CO_TRY(auto x, co_await make_x());` declares x or returns the error from a coroutine.
#define WEFT_CO_TRY(declaration, expression) \
  WEFT_CO_TRY_INNER(declaration, expression, WEFT_CONCAT(weft_result_, __COUNTER__))
#define WEFT_CO_TRY_INNER(declaration, expression, temporary) \
  auto temporary = (expression);                              \
  if (!temporary) co_return std::move(temporary).error();     \
  declaration = *std::move(temporary)
/// `WEFT_CO_CHECK(co_await do_it());` returns the error of a Result<void> from a coroutine.
#define WEFT_CO_CHECK(expression)                                                                \
  do {                                                                                           \
    if (auto weft_result = (expression); !weft_result) co_return std::move(weft_result).error(); \
  } while (false)
// NOLINTEND(bugprone-macro-parentheses)
