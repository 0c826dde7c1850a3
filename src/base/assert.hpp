// SPDX-License-Identifier: Apache-2.0
/// WEFT_ASSERT(condition): for our own mistakes, on in every build, aborts with the place.
/// What a guest, peer, file, clock or operator can cause is an Error and never an assert.
#pragma once

namespace weft::base {

/// Writes one line to standard error and aborts.
[[noreturn]] void assertion_failed(const char* condition, const char* file, int line) noexcept;

}  // namespace weft::base

#define WEFT_ASSERT(condition) \
  (static_cast<bool>(condition) ? static_cast<void>(0) : ::weft::base::assertion_failed(#condition, __FILE__, __LINE__))
