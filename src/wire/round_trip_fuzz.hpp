// SPDX-License-Identifier: Apache-2.0
/// What the fuzzers of this folder insist on: any bytes through a decoder, which the first byte chooses. What decodes
/// must encode to a text that decodes again and encodes to itself; what does not must say so as a fault of the peer.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <weft/error.hpp>

namespace weft::wire {

inline void insist(bool condition) {
  if (!condition) std::abort();
}

inline void insist_clear(const Error& error) { insist(error.code() == Errc::malformed && !error.message().empty()); }

template <class Decode, class Encode>
void round_trip(std::string_view text, Decode decode, Encode encode_again) {
  const auto first = decode(text);
  if (!first) return insist_clear(first.error());
  const std::string once = encode_again(*first);
  const auto second = decode(once);
  insist(static_cast<bool>(second));
  insist(encode_again(*second) == once);
}

/// A decoder whose encoder is encode() of what it decodes.
template <auto kDecode>
void plain(std::string_view text) {
  round_trip(text, kDecode, [](const auto& value) { return encode(value); });
}

using Decoder = void (*)(std::string_view);

template <std::size_t kCount>
int decode_any(const std::array<Decoder, kCount>& decoders, const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  // From 'a' on, so that a corpus is text that people can read and write.
  const auto choice = static_cast<std::size_t>(static_cast<std::uint8_t>(data[0] - 'a'));
  decoders.at(choice % kCount)(bytes.substr(1));
  return 0;
}

}  // namespace weft::wire
