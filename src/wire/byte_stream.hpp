// SPDX-License-Identifier: Apache-2.0
/// A stream<u8> as it is sent beside values: chunks, each a list<u8>, the empty one of which ends it. Pure.
/// Source: data-plane facts 1.8, 2.6.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace weft::wire {

/// One chunk of a stream<u8>, and the one that ends it.
std::string encode_chunk(std::span<const std::byte> piece);
inline constexpr std::string_view kStreamEnd{"\0", 1};
/// Half a length: the end of its channel is then an error to every reader. (A length without its elements would not do:
/// readers of 1.9 take it out of what has come, and an end with nothing left there is a good one to them.)
inline constexpr std::string_view kBrokenChunk{"\x80", 1};

/// Reads the pieces of a stream<u8> out of the messages of its channel, wherever those were cut. Holds no data.
class ByteStreamDecoder {
 public:
  enum class Kind : std::uint8_t { more, data, end, fault };
  struct Step {
    Kind kind = Kind::more;
    std::string_view data = {};
  };
  /// Takes from the front of `bytes`; call again until `more`, which has taken everything.
  Step next(std::string_view& bytes) noexcept;
  /// The channel has ended. True: so has the stream, or nothing is missing that could be told (data-plane facts 1.8).
  [[nodiscard]] bool may_end() const noexcept { return is_over_ || (left_ == 0 && shift_ == 0); }
  [[nodiscard]] bool is_over() const noexcept { return is_over_; }

 private:
  std::uint64_t length_ = 0;  ///< of the chunk whose length is being read
  unsigned shift_ = 0;
  std::uint64_t left_ = 0;  ///< of the chunk
  bool is_over_ = false;
};

}  // namespace weft::wire
