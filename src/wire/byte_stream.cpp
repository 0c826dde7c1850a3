// SPDX-License-Identifier: Apache-2.0
#include "wire/byte_stream.hpp"

#include <algorithm>
#include <utility>

namespace weft::wire {

std::string encode_chunk(std::span<const std::byte> piece) {
  std::string chunk;
  chunk.reserve(piece.size() + 5);
  for (auto length = static_cast<std::uint32_t>(piece.size());; length >>= 7U) {
    const bool is_last = length < 0x80;
    chunk.push_back(static_cast<char>((length & 0x7fU) | (is_last ? 0U : 0x80U)));
    if (is_last) {
      break;
    }
  }
  chunk.append(reinterpret_cast<const char*>(piece.data()), piece.size());
  return chunk;
}

ByteStreamDecoder::Step ByteStreamDecoder::next(std::string_view& bytes) noexcept {
  while (!bytes.empty() && !is_over_) {
    if (left_ != 0) {
      const auto piece = bytes.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size())));
      bytes.remove_prefix(piece.size());
      left_ -= piece.size();
      return {Kind::data, piece};
    }
    const auto byte = static_cast<std::uint8_t>(bytes.front());
    bytes.remove_prefix(1);
    length_ |= static_cast<std::uint64_t>(byte & 0x7fU) << shift_;
    shift_ += 7;
    if ((byte & 0x80U) != 0) {
      if (shift_ >= 35) {
        return {Kind::fault};
      }
      continue;
    }
    if (length_ > UINT32_MAX) {
      return {Kind::fault};
    }
    left_ = std::exchange(length_, 0);
    shift_ = 0;
    if (left_ == 0) {
      is_over_ = true;
      bytes = {};
      return {Kind::end};
    }
  }
  if (is_over_) {
    bytes = {};  // what comes after the end is nobody's (data-plane facts 1.8)
  }
  return {Kind::more};
}

}  // namespace weft::wire
