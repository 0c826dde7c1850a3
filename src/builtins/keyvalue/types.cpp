// SPDX-License-Identifier: Apache-2.0
#include "builtins/keyvalue/types.hpp"

#include <charconv>
#include <limits>

namespace weft::builtins::keyvalue {

Outcome<void> check_pair(const Limits& limits, std::string_view key, std::span<const std::byte> value) {
  if (key.size() > limits.max_key_bytes) {
    return other("the key is longer than " + std::to_string(limits.max_key_bytes) + " bytes");
  }
  if (value.size() > limits.max_value_bytes) {
    return other("the value is larger than " + std::to_string(limits.max_value_bytes) + " bytes");
  }
  return {};
}

Outcome<std::uint64_t> add_to_number(std::span<const std::byte> bytes, std::uint64_t delta) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  std::uint64_t number = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || fault != std::errc() || end != text.data() + text.size()) {
    return other("the value is not a number");
  }
  if (delta > std::numeric_limits<std::uint64_t>::max() - number) return other("the number would overflow");
  return number + delta;
}

}  // namespace weft::builtins::keyvalue
