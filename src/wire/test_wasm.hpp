// SPDX-License-Identifier: Apache-2.0
/// For tests: small binaries, written by hand.
#pragma once

#include <string>
#include <string_view>

namespace weft::wire {

inline constexpr std::string_view kComponentHeader{"\0asm\x0d\0\x01\0", 8};
inline constexpr std::string_view kModuleHeader{"\0asm\x01\0\0\0", 8};

/// `body` after its length.
inline std::string prefixed(std::string_view body) {
  std::string out;
  auto length = body.size();
  for (; length >= 0x80; length >>= 7) out += static_cast<char>((length & 0x7FU) | 0x80U);
  out += static_cast<char>(length);
  return out += body;
}
inline std::string section(char id, std::string_view body) { return std::string(1, id) + prefixed(body); }
inline std::string custom(std::string_view name, std::string_view content) {
  return section(0, prefixed(name) + std::string(content));
}
inline std::string component(std::string_view sections) {
  return std::string(kComponentHeader) + std::string(sections);
}
inline std::string core_module(std::string_view sections) { return std::string(kModuleHeader) + std::string(sections); }

}  // namespace weft::wire
