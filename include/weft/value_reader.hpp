// SPDX-License-Identifier: Apache-2.0
/// A cursor over values in the one encoding that calls, links and providers share. Never reads past the end, never
/// trusts a length. Most code uses Codec<T> and decode() of weft/value.hpp instead.
///
/// Ownership: borrows the bytes; views that it gives (strings, byte lists) live as long as they do.
/// Threads: a plain value. Errors: every read gives false once the bytes are no encoding of what is asked for, and from
/// then on; error() says what and where (malformed), or that a cap was met (resource_exhausted).
/// Limits: what a value takes in memory is counted with charge() and ends at `max_decoded_bytes`.
/// Source: data-plane facts 2.1 to 2.5, 2.9.
#pragma once

#include <weft/error.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>
#include <type_traits>

namespace weft {

/// The integers of the encoding: no characters, no bool.
template <class T>
concept WireInteger =
    std::integral<T> && !std::same_as<T, bool> && !std::same_as<T, char> && !std::same_as<T, wchar_t> &&
    !std::same_as<T, char8_t> && !std::same_as<T, char16_t> && !std::same_as<T, char32_t> && sizeof(T) <= 8;

class ValueReader {
 public:
  static constexpr std::size_t kMaxDecodedBytes = std::size_t{256} << 20;

  explicit ValueReader(std::span<const std::byte> bytes, std::size_t max_decoded_bytes = kMaxDecodedBytes) noexcept
      : bytes_(bytes), budget_(max_decoded_bytes) {}

  [[nodiscard]] bool ok() const noexcept { return fault_ == nullptr; }
  [[nodiscard]] std::size_t offset() const noexcept { return at_; }
  [[nodiscard]] std::size_t remaining() const noexcept { return bytes_.size() - at_; }
  /// What went wrong first. Only after a read gave false.
  [[nodiscard]] Error error() const;

  bool read_bool(bool& out) noexcept;
  /// u8 and s8 are one byte, the wider ones LEB128 (signed: with the last byte's sign bits set or cleared).
  template <WireInteger T>
  bool read_integer(T& out) noexcept {
    if constexpr (sizeof(T) == 1) {
      std::uint8_t byte = 0;
      const bool read = read_byte(byte);
      out = static_cast<T>(byte);
      return read;
    } else if constexpr (std::is_unsigned_v<T>) {
      std::uint64_t value = 0;
      const bool read = read_unsigned(std::numeric_limits<T>::digits, value);
      out = static_cast<T>(value);
      return read;
    } else {
      std::int64_t value = 0;
      const bool read = read_signed(std::numeric_limits<T>::digits + 1, value);
      out = static_cast<T>(value);
      return read;
    }
  }
  bool read_float(float& out) noexcept;
  bool read_float(double& out) noexcept;
  bool read_char(char32_t& out) noexcept;
  /// A view of well-formed UTF-8.
  bool read_string(std::string_view& out) noexcept;
  /// list<u8>, and handles.
  bool read_bytes(std::span<const std::byte>& out) noexcept;
  /// A case of an enum or variant that has `cases` of them, or an option's or result's (2).
  bool read_case(std::uint32_t cases, std::uint32_t& out) noexcept;
  bool read_option(bool& out) noexcept;
  /// `count` raw bytes, without a length before them.
  bool read_raw(std::size_t count, std::span<const std::byte>& out) noexcept;

  /// Counts memory that a value is about to take; false past the cap.
  bool charge(std::size_t decoded_bytes) noexcept;
  /// Ends reading; `what` is a sentence in static storage.
  bool fail(const char* what, Errc code = Errc::malformed) noexcept;

 private:
  bool read_byte(std::uint8_t& out) noexcept {
    if (at_ == bytes_.size() || fault_ != nullptr) return fail("the bytes end inside a value");
    out = std::to_integer<std::uint8_t>(bytes_[at_++]);
    return true;
  }
  bool read_unsigned(int bits, std::uint64_t& out) noexcept;
  bool read_signed(int bits, std::int64_t& out) noexcept;

  std::span<const std::byte> bytes_;
  std::size_t at_ = 0;
  std::size_t budget_;
  const char* fault_ = nullptr;
  Errc code_ = Errc::malformed;
};

/// Bytes of the well-formed UTF-8 that `text` begins with: its size if all of it is.
[[nodiscard]] std::size_t utf8_prefix(std::string_view text) noexcept;

}  // namespace weft
