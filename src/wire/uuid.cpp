// SPDX-License-Identifier: Apache-2.0
#include "wire/uuid.hpp"

#include <algorithm>
#include <string_view>

namespace weft::wire {

Uuid time_ordered_uuid(std::chrono::system_clock::time_point now, std::span<const std::uint8_t, 10> random) noexcept {
  constexpr std::size_t time_bytes = 6;
  const auto since_1970 = std::chrono::floor<std::chrono::milliseconds>(now).time_since_epoch().count();
  const auto milliseconds = static_cast<std::uint64_t>(since_1970);
  Uuid uuid{};
  for (std::size_t at = 0; at < time_bytes; ++at) {
    uuid[at] = static_cast<std::uint8_t>(milliseconds >> (8 * (time_bytes - 1 - at)));
  }
  std::ranges::copy(random, uuid.begin() + time_bytes);
  return uuid;
}

Uuid random_uuid(std::span<const std::uint8_t, 16> random) noexcept {
  Uuid uuid{};
  std::ranges::copy(random, uuid.begin());
  uuid[6] = static_cast<std::uint8_t>((uuid[6] & 0x0FU) | 0x40U);
  uuid[8] = static_cast<std::uint8_t>((uuid[8] & 0x3FU) | 0x80U);
  return uuid;
}

std::string uuid_text(const Uuid& uuid) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  text.reserve(36);
  for (std::size_t at = 0; at < uuid.size(); ++at) {
    if (at == 4 || at == 6 || at == 8 || at == 10) text += '-';
    text += digits[uuid[at] >> 4];
    text += digits[uuid[at] & 15U];
  }
  return text;
}

}  // namespace weft::wire
