// SPDX-License-Identifier: Apache-2.0
#include "base/assert.hpp"

#include <cstdio>
#include <cstdlib>

namespace weft::base {

void assertion_failed(const char* condition, const char* file, int line) noexcept {
  // Nothing here may allocate: the heap may be what is broken.
  static_cast<void>(std::fprintf(stderr, "weft: assertion failed: %s (%s:%d)\n", condition, file, line));
  std::abort();
}

}  // namespace weft::base
