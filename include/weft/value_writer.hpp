// SPDX-License-Identifier: Apache-2.0
/// Collects values in the one encoding that calls, links and providers share. Most code uses Codec<T> and encode() of
/// weft/value.hpp instead.
///
/// Ownership: owns its buffer; small results (up to kInlineBytes) never touch the heap. Threads: a plain value, neither
/// copied nor moved. Errors: what cannot be encoded (text that is no UTF-8, a list of 2^32) is remembered, ok() is
/// false and error() says what; the bytes are then of no use. Source: data-plane facts 2.1 to 2.5.
#pragma once

#include <weft/error.hpp>
#include <weft/value_reader.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

namespace weft {

/// Negative integers that need the greatest number of bytes leave with the sign bits of the last byte cleared: peers of
/// release 1.9 refuse the standard form, and every decoder takes this one (data plane 2.3).
inline constexpr bool kMaskLastSignedByte = true;

class ValueWriter {
 public:
  static constexpr std::size_t kInlineBytes = 256;

  ValueWriter() noexcept = default;
  ValueWriter(const ValueWriter&) = delete;
  ValueWriter& operator=(const ValueWriter&) = delete;

  [[nodiscard]] bool ok() const noexcept { return fault_ == nullptr; }
  [[nodiscard]] Error error() const;
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return {data(), size_}; }
  [[nodiscard]] std::vector<std::byte> to_vector() const { return {data(), data() + size_}; }
  /// Forgets what was written and any fault; keeps the buffer.
  void clear() noexcept {
    size_ = 0;
    fault_ = nullptr;
  }

  void write_bool(bool value) { write_byte(value ? 1 : 0); }
  template <WireInteger T>
  void write_integer(T value) {
    if constexpr (sizeof(T) == 1) {
      write_byte(static_cast<std::uint8_t>(value));
    } else if constexpr (std::is_unsigned_v<T>) {
      write_unsigned(value);
    } else {
      write_signed(std::numeric_limits<T>::digits + 1, value);
    }
  }
  void write_float(float value);
  void write_float(double value);
  void write_char(char32_t value);
  void write_string(std::string_view text);
  void write_bytes(std::span<const std::byte> bytes);
  /// A list's length, before its elements.
  void write_count(std::size_t count);
  void write_raw(std::span<const std::byte> bytes);

  /// `what` is a sentence in static storage.
  void fail(const char* what) noexcept {
    if (fault_ == nullptr) fault_ = what;
  }

 private:
  [[nodiscard]] const std::byte* data() const noexcept { return heap_ ? heap_.get() : inline_.data(); }
  [[nodiscard]] std::byte* data() noexcept { return heap_ ? heap_.get() : inline_.data(); }
  void write_byte(std::uint8_t value) {
    if (size_ == capacity_) grow(1);
    data()[size_++] = std::byte{value};
  }
  void write_unsigned(std::uint64_t value);
  void write_signed(int bits, std::int64_t value);
  void grow(std::size_t more);

  std::size_t size_ = 0;
  std::size_t capacity_ = kInlineBytes;
  const char* fault_ = nullptr;
  std::unique_ptr<std::byte[]> heap_;
  std::array<std::byte, kInlineBytes> inline_;
};

}  // namespace weft
