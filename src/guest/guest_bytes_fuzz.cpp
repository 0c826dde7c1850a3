// SPDX-License-Identifier: Apache-2.0
// Reads any bytes as texts and lengths: what decodes lies within the bytes and reads the same after it was written
// again, and after what is none there is nothing more.
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "guest/guest_bytes.hpp"

namespace {

using weft::guest::GuestBytes;

void check_text(std::string_view text) {
  std::vector<std::byte> written;
  weft::guest::put_text(written, text);
  GuestBytes again(written);
  if (again.take_text() != text || again.take_length()) std::abort();
}

void read(GuestBytes bytes, std::uint32_t which, std::size_t size) {
  bool is_over = false;
  for (std::size_t count = 0; count <= size + 1; ++count, which = which << 1U | which >> 31U) {
    if ((which & 1U) != 0) {
      const auto text = bytes.take_text();
      if (text && (is_over || text->size() > size)) std::abort();
      if (text) check_text(*text);
      is_over = !text;
    } else {
      const auto length = bytes.take_length();
      if (length && is_over) std::abort();
      is_over = !length;
    }
  }
  if (!is_over) std::abort();  // each takes a byte at least
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 4) return 0;
  const auto which = static_cast<std::uint32_t>(data[0] | data[1] << 8 | data[2] << 16) | 0x80000000U;
  read(GuestBytes(std::as_bytes(std::span(data, size)).subspan(4)), which, size - 4);
  return 0;
}
