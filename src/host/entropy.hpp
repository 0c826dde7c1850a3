// SPDX-License-Identifier: Apache-2.0
/// Random bytes of the system, for keys and ids. Any thread.
#pragma once

#include <sys/random.h>

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/assert.hpp"

namespace weft::host {

template <std::size_t Count>
std::array<std::uint8_t, Count> entropy() {
  static_assert(Count <= 256, "up to so many come in one piece");
  std::array<std::uint8_t, Count> bytes{};
  WEFT_ASSERT(::getrandom(bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(Count));
  return bytes;
}

}  // namespace weft::host
