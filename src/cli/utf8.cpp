// SPDX-License-Identifier: Apache-2.0
#include "cli/utf8.hpp"

#include <fmt/format.h>

#include <iterator>

namespace weft::cli {

std::size_t utf8_length(std::string_view text) noexcept {
  auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  if (text.empty()) return 0;
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  std::size_t length = 0;
  unsigned char lowest = 0x80;
  unsigned char highest = 0xBF;
  if (first >= 0xC2 && first <= 0xDF) {
    length = 2;
  } else if (first >= 0xE0 && first <= 0xEF) {
    length = 3;
    if (first == 0xE0) lowest = 0xA0;
    if (first == 0xED) highest = 0x9F;
  } else if (first >= 0xF0 && first <= 0xF4) {
    length = 4;
    if (first == 0xF0) lowest = 0x90;
    if (first == 0xF4) highest = 0x8F;
  }
  if (length == 0 || text.size() < length || byte(1) < lowest || byte(1) > highest) return 0;
  for (std::size_t i = 2; i < length; ++i) {
    if (byte(i) < 0x80 || byte(i) > 0xBF) return 0;
  }
  return length;
}

std::string printable(std::string_view text) {
  std::string clean;
  clean.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const auto byte = static_cast<unsigned char>(text[at]);
    const std::size_t length = utf8_length(text.substr(at));
    // U+0080 to U+009F are control characters too.
    const bool c1 = length == 2 && byte == 0xC2 && static_cast<unsigned char>(text[at + 1]) < 0xA0;
    if (length == 0 || c1 || (byte < 0x20 && byte != '\t') || byte == 0x7F) {
      fmt::format_to(std::back_inserter(clean), "\\x{:02x}", byte);
      if (c1) fmt::format_to(std::back_inserter(clean), "\\x{:02x}", static_cast<unsigned char>(text[at + 1]));
      at += c1 ? 2 : 1;
    } else {
      clean += text.substr(at, length);
      at += length;
    }
  }
  return clean;
}

}  // namespace weft::cli
