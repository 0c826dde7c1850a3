// SPDX-License-Identifier: Apache-2.0
/// The fence of the public API: std and Boost may throw, and no exception may leave weft.
#pragma once

#include <fmt/core.h>

#include <exception>
#include <new>
#include <string_view>
#include <type_traits>
#include <utility>
#include <weft/result.hpp>

#include "async/fence_count.hpp"

namespace weft::host {

/// What `work` gives, or the exception that ended it as an Error: std::bad_alloc as resource_exhausted, any other as
/// internal. `doing` completes "while ...".
template <class Work>
std::invoke_result_t<Work> fenced(std::string_view doing, Work&& work) noexcept {
  try {
    return std::forward<Work>(work)();
  } catch (const std::bad_alloc&) {
    async::count_exception();
    // No text that would need memory.
    return Error(Errc::resource_exhausted, "out of memory", {}, Blame::environment);
  } catch (const std::exception& exception) {
    async::count_exception();
    return Error(Errc::internal, fmt::format("an exception while {}: {}", doing, exception.what()));
  } catch (...) {
    async::count_exception();
    return Error(Errc::internal, fmt::format("an unknown exception while {}", doing));
  }
}

}  // namespace weft::host
