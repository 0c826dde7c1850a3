// SPDX-License-Identifier: Apache-2.0
/// How many exceptions have reached a fence, where they become errors: the roots of tasks, work of pools, functions of
/// built-ins, the public API. Each is a bug of weft or of a built-in, or a lack of memory. One number for the process,
/// because fences stand where nobody's object is at hand. Threads: any.
#pragma once

#include <cstdint>

namespace weft::async {

void count_exception() noexcept;
[[nodiscard]] std::uint64_t exceptions_at_fences() noexcept;

}  // namespace weft::async
