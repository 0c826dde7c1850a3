// SPDX-License-Identifier: Apache-2.0
#include <weft/value_reader.hpp>

#include <bit>
#include <cstring>
#include <string>

namespace weft {
namespace {

static_assert(std::endian::native == std::endian::little, "floats are copied as they lie in memory");

/// Length of the sequence that begins with `first`, 0 if none does.
std::size_t sequence_length(std::uint8_t first) noexcept {
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return 2;
  if (first >= 0xe0 && first <= 0xef) return 3;
  if (first >= 0xf0 && first <= 0xf4) return 4;
  return 0;
}

/// The scalar value that `text` begins with and its length; 0 if it begins with none (overlong, surrogate, cut off).
std::size_t decode_scalar(std::string_view text, char32_t& out) noexcept {
  const auto first = static_cast<std::uint8_t>(text.front());
  const std::size_t length = sequence_length(first);
  if (length == 0 || length > text.size()) return 0;
  if (length == 1) {
    out = first;
    return 1;
  }
  char32_t value = first & (0x7fU >> length);
  for (std::size_t index = 1; index < length; ++index) {
    const auto byte = static_cast<std::uint8_t>(text[index]);
    if ((byte & 0xc0U) != 0x80) return 0;
    value = (value << 6U) | (byte & 0x3fU);
  }
  constexpr char32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
  if (value < smallest[length] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff)) return 0;
  out = value;
  return length;
}

std::string_view as_text(std::span<const std::byte> bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

std::size_t utf8_prefix(std::string_view text) noexcept {
  std::size_t at = 0;
  while (at < text.size()) {
    // Nearly all text is ASCII: eight bytes at a time.
    std::uint64_t eight = 0;
    if (text.size() - at >= sizeof eight) {
      std::memcpy(&eight, text.data() + at, sizeof eight);
      if ((eight & 0x8080808080808080ULL) == 0) {
        at += sizeof eight;
        continue;
      }
    }
    char32_t scalar = 0;
    const std::size_t length = decode_scalar(text.substr(at), scalar);
    if (length == 0) return at;
    at += length;
  }
  return at;
}

Error ValueReader::error() const {
  const char* what = fault_ == nullptr ? "nothing went wrong" : fault_;
  return {code_, std::string(what) + " (at byte " + std::to_string(at_) + ")", {}, Blame::peer};
}

bool ValueReader::fail(const char* what, Errc code) noexcept {
  if (fault_ == nullptr) {
    fault_ = what;
    code_ = code;
  }
  return false;
}

bool ValueReader::charge(std::size_t decoded_bytes) noexcept {
  if (decoded_bytes > budget_) return fail("the value is larger than allowed", Errc::resource_exhausted);
  budget_ -= decoded_bytes;
  return true;
}

bool ValueReader::read_bool(bool& out) noexcept {
  std::uint8_t byte = 0;
  if (!read_byte(byte)) return false;
  if (byte > 1) return fail("a bool is 0 or 1");
  out = byte == 1;
  return true;
}

bool ValueReader::read_option(bool& out) noexcept {
  std::uint8_t byte = 0;
  if (!read_byte(byte)) return false;
  if (byte > 1) return fail("an option or result begins with 0 or 1");
  out = byte == 1;
  return true;
}

bool ValueReader::read_case(std::uint32_t cases, std::uint32_t& out) noexcept {
  if (!read_integer(out)) return false;
  return out < cases || fail("no such case");
}

bool ValueReader::read_unsigned(int bits, std::uint64_t& out) noexcept {
  out = 0;
  for (int shift = 0;; shift += 7) {
    std::uint8_t byte = 0;
    if (!read_byte(byte)) return false;
    const int left = bits - shift;
    // Past the type's width only zeros, and no further byte: what bounds padding too.
    if (left <= 7 && (byte >> left) != 0) return fail("an integer does not fit its type");
    out |= std::uint64_t{byte & 0x7fU} << shift;
    if ((byte & 0x80U) == 0) return true;
  }
}

bool ValueReader::read_signed(int bits, std::int64_t& out) noexcept {
  std::uint64_t value = 0;
  for (int shift = 0;; shift += 7) {
    std::uint8_t byte = 0;
    if (!read_byte(byte)) return false;
    const int left = bits - shift;
    if (left <= 7) {
      if ((byte & 0x80U) != 0) return fail("an integer does not fit its type");
      // Above the type's own bits: all clear, or all set if the value is negative.
      const unsigned above = static_cast<unsigned>(byte) >> left;
      const unsigned all = 0x7fU >> left;
      const bool negative = ((static_cast<unsigned>(byte) >> (left - 1)) & 1U) == 1U;
      if (above != 0 && !(negative && above == all)) return fail("an integer does not fit its type");
    }
    value |= std::uint64_t{byte & 0x7fU} << shift;
    if ((byte & 0x80U) == 0) {
      const int unused = 64 - (shift + 7 < bits ? shift + 7 : bits);
      out = static_cast<std::int64_t>(value << unused) >> unused;
      return true;
    }
  }
}

bool ValueReader::read_float(float& out) noexcept {
  std::span<const std::byte> raw;
  if (!read_raw(sizeof out, raw)) return false;
  std::memcpy(&out, raw.data(), sizeof out);
  return true;
}

bool ValueReader::read_float(double& out) noexcept {
  std::span<const std::byte> raw;
  if (!read_raw(sizeof out, raw)) return false;
  std::memcpy(&out, raw.data(), sizeof out);
  return true;
}

bool ValueReader::read_char(char32_t& out) noexcept {
  if (fault_ != nullptr || remaining() == 0) return fail("the bytes end inside a value");
  const std::size_t length = decode_scalar(as_text(bytes_.subspan(at_)), out);
  if (length == 0) return fail("a char is not UTF-8");
  at_ += length;
  return true;
}

bool ValueReader::read_string(std::string_view& out) noexcept {
  std::span<const std::byte> raw;
  if (!read_bytes(raw)) return false;
  out = as_text(raw);
  return utf8_prefix(out) == out.size() || fail("a string is not UTF-8");
}

bool ValueReader::read_bytes(std::span<const std::byte>& out) noexcept {
  std::uint32_t count = 0;
  return read_integer(count) && read_raw(count, out);
}

bool ValueReader::read_raw(std::size_t count, std::span<const std::byte>& out) noexcept {
  if (fault_ != nullptr || count > remaining()) return fail("the bytes end inside a value");
  out = bytes_.subspan(at_, count);
  at_ += count;
  return true;
}

}  // namespace weft
