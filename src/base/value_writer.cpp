// SPDX-License-Identifier: Apache-2.0
#include <weft/value_writer.hpp>

#include <algorithm>
#include <cstring>

namespace weft {

Error ValueWriter::error() const {
  return {Errc::invalid_argument, fault_ == nullptr ? "nothing went wrong" : fault_,
          "give back a value that the interface's type allows"};
}

void ValueWriter::grow(std::size_t more) {
  const std::size_t wanted = std::max(size_ + more, capacity_ * 2);
  auto larger = std::make_unique_for_overwrite<std::byte[]>(wanted);
  std::memcpy(larger.get(), data(), size_);
  heap_ = std::move(larger);
  capacity_ = wanted;
}

void ValueWriter::write_raw(std::span<const std::byte> bytes) {
  if (bytes.empty()) return;
  if (bytes.size() > capacity_ - size_) grow(bytes.size());
  std::memcpy(data() + size_, bytes.data(), bytes.size());
  size_ += bytes.size();
}

void ValueWriter::write_unsigned(std::uint64_t value) {
  while (value >= 0x80) {
    write_byte(static_cast<std::uint8_t>(value | 0x80U));
    value >>= 7U;
  }
  write_byte(static_cast<std::uint8_t>(value));
}

void ValueWriter::write_signed(int bits, std::int64_t value) {
  for (int shift = 0;; shift += 7) {
    auto byte = static_cast<std::uint8_t>(value & 0x7f);
    value >>= 7;
    const bool last = (value == 0 && (byte & 0x40U) == 0) || (value == -1 && (byte & 0x40U) != 0);
    if (!last) {
      write_byte(static_cast<std::uint8_t>(byte | 0x80U));
      continue;
    }
    if (const int left = bits - shift; kMaskLastSignedByte && left < 7) {
      byte = static_cast<std::uint8_t>(byte & ((1U << left) - 1));
    }
    write_byte(byte);
    return;
  }
}

void ValueWriter::write_float(float value) { write_raw(std::as_bytes(std::span(&value, 1))); }
void ValueWriter::write_float(double value) { write_raw(std::as_bytes(std::span(&value, 1))); }

void ValueWriter::write_char(char32_t value) {
  if (value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff)) {
    fail("a char is no Unicode scalar value");
    return;
  }
  const auto tail = [&](unsigned shift) { write_byte(static_cast<std::uint8_t>(0x80U | ((value >> shift) & 0x3fU))); };
  if (value < 0x80) {
    write_byte(static_cast<std::uint8_t>(value));
  } else if (value < 0x800) {
    write_byte(static_cast<std::uint8_t>(0xc0U | (value >> 6U)));
    tail(0);
  } else if (value < 0x10000) {
    write_byte(static_cast<std::uint8_t>(0xe0U | (value >> 12U)));
    tail(6);
    tail(0);
  } else {
    write_byte(static_cast<std::uint8_t>(0xf0U | (value >> 18U)));
    tail(12);
    tail(6);
    tail(0);
  }
}

void ValueWriter::write_count(std::size_t count) {
  if (count > std::numeric_limits<std::uint32_t>::max()) fail("a list has more than 2^32 - 1 elements");
  write_unsigned(count);
}

void ValueWriter::write_string(std::string_view text) {
  if (utf8_prefix(text) != text.size()) fail("a string is not UTF-8");
  write_bytes(std::as_bytes(std::span(text)));
}

void ValueWriter::write_bytes(std::span<const std::byte> bytes) {
  write_count(bytes.size());
  write_raw(bytes);
}

}  // namespace weft
