// SPDX-License-Identifier: Apache-2.0
/// Between the C border's structs and ours. For the sources of this folder only.
#pragma once

#include <weft_engine.h>

#include <weft/error.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/call.hpp"

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

inline std::vector<weft_header> to_c(std::span<const HeaderRef> headers) {
  std::vector<weft_header> raw;
  raw.reserve(headers.size());
  for (const auto& header : headers) {
    raw.push_back({to_c(header.name), to_c(header.value)});
  }
  return raw;
}
inline std::vector<HeaderRef> from_c(const weft_header* headers, std::size_t count) {
  std::vector<HeaderRef> refs;
  refs.reserve(count);
  for (const auto& header : std::span(headers, count)) {
    refs.push_back({to_text(header.name), to_text(header.value)});
  }
  return refs;
}

/// What one look at a body gave.
inline BodyPiece from_c(std::uint32_t state, weft_bytes data, const weft_header* trailers, std::size_t count) {
  switch (state) {
    case WEFT_BODY_DATA:
      return {BodyState::data, to_span(data), {}};
    case WEFT_BODY_TRAILERS:
      return {BodyState::trailers, {}, from_c(trailers, count)};
    case WEFT_BODY_END:
      return {BodyState::end, {}, {}};
    case WEFT_BODY_PENDING:
      return {};
    default:
      return {BodyState::failed, {}, {}};
  }
}

/// Takes the error over.
Error take_error(weft_error* error);
/// Takes the string over.
std::string take_string(weft_string* string);

}  // namespace weft::engine
