// SPDX-License-Identifier: Apache-2.0
/// For the fuzzers of the call machines: any bytes as a sequence of steps, each a kind and what it carries. The form of
/// a step is [kind][length][length bytes], so that what was recorded of real peers can be put in as it is: the files of
/// the corpora that end in _wasmcloud_n and _weft_n were calls of a host of 1.9.2 and of weft at each other.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace weft::wrpc {

class FuzzScript {
 public:
  FuzzScript(const std::uint8_t* data, std::size_t size) : rest_(reinterpret_cast<const char*>(data), size) {}

  [[nodiscard]] bool is_over() const noexcept { return rest_.empty(); }
  std::uint8_t byte() noexcept {
    if (rest_.empty()) {
      return 0;
    }
    const auto value = static_cast<std::uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return value;
  }
  std::string bytes() {
    const auto length = std::min<std::size_t>(byte(), rest_.size());
    std::string taken(rest_.substr(0, length));
    rest_.remove_prefix(length);
    return taken;
  }

 private:
  std::string_view rest_;
};

inline void require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace weft::wrpc
