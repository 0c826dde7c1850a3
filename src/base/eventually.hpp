// SPDX-License-Identifier: Apache-2.0
/// For tests: waiting for a condition that nobody tells of. Threads: any.
#pragma once

#include <chrono>
#include <functional>
#include <thread>

namespace weft::testing_support {

/// Whether it comes true; asked for every millisecond, for so long as even a sanitizer on a busy machine may take.
inline bool eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

}  // namespace weft::testing_support
