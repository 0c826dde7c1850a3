// SPDX-License-Identifier: Apache-2.0
/// The few encoded values that the host itself reads and writes while it answers a guest's imports: numbers of lengths
/// and texts, in the encoding of the data plane (data-plane facts 2.1, 2.2). A handle is encoded as a text is (2.5).
/// Threads: plain functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace weft::guest {

/// Reads values one after the other; nullopt where the bytes are no such value, and then for ever.
class GuestBytes {
 public:
  explicit GuestBytes(std::span<const std::byte> bytes) noexcept : rest_(bytes) {}

  std::optional<std::uint32_t> take_length() noexcept {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 35 && !rest_.empty(); shift += 7) {
      const auto next = std::to_integer<std::uint64_t>(rest_.front());
      rest_ = rest_.subspan(1);
      value |= (next & 0x7fU) << shift;
      if (next < 0x80U && value <= std::numeric_limits<std::uint32_t>::max()) {
        return static_cast<std::uint32_t>(value);
      }
      if (next < 0x80U) {
        break;
      }
    }
    rest_ = {};
    return std::nullopt;
  }

  std::optional<std::string_view> take_text() noexcept {
    const auto length = take_length();
    if (!length || *length > rest_.size()) {
      rest_ = {};
      return std::nullopt;
    }
    const std::string_view text(reinterpret_cast<const char*>(rest_.data()), *length);
    rest_ = rest_.subspan(*length);
    return text;
  }

 private:
  std::span<const std::byte> rest_;
};

inline void put_text(std::vector<std::byte>& bytes, std::string_view text) {
  auto length = text.size();
  for (; length >= 0x80U; length >>= 7U) {
    bytes.push_back(static_cast<std::byte>(length | 0x80U));
  }
  bytes.push_back(static_cast<std::byte>(length));
  const auto raw = std::as_bytes(std::span(text));
  bytes.insert(bytes.end(), raw.begin(), raw.end());
}

}  // namespace weft::guest
