// SPDX-License-Identifier: Apache-2.0
/// Between the C border's structs and ours. For the sources of this folder only.
#pragma once

#include <weft_engine.h>

#include <weft/error.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace weft::engine {

inline weft_bytes to_c(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
inline weft_bytes to_c(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()};
}
inline std::string_view to_text(weft_bytes bytes) { return {reinterpret_cast<const char*>(bytes.data), bytes.len}; }
inline std::span<const std::byte> to_span(weft_bytes bytes) {
  return {reinterpret_cast<const std::byte*>(bytes.data), bytes.len};
}

/// Takes the error over.
Error take_error(weft_error* error);
/// Takes the string over.
std::string take_string(weft_string* string);

}  // namespace weft::engine
