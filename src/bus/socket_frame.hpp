// SPDX-License-Identifier: Apache-2.0
/// What a SocketBus and a SocketServer say to each other: frames of our own, on one machine and for one user.
///
/// A frame is a length (4 bytes, big-endian, of what follows), its type (1), a code (2), a number (8), and then
/// subject, reply, text (each 4 bytes of length and the bytes), the headers (4 bytes of count; name and value each as a
/// text) and the payload, which is the rest. All types have the same shape; what a type does not use is zero and empty.
/// Pure code, no I/O. Errors: malformed (too large, cut, an unknown type). Nothing is allocated by a length that the
/// peer claims, only by the bytes it has sent. Threads: plain values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <weft/result.hpp>

#include "bus/message.hpp"

namespace weft::bus {

inline constexpr std::size_t kMaxFrameBytes = std::size_t{16} << 20;
inline constexpr std::uint64_t kSocketProtocol = 1;

enum class FrameType : std::uint8_t {
  // From a client.
  connect = 1,      ///< number: kSocketProtocol
  publish = 2,      ///< message
  request = 3,      ///< message; number: chosen by the client; text: milliseconds
  subscribe = 4,    ///< number: chosen by the client; subject: pattern; text: queue group
  unsubscribe = 5,  ///< number
  ping = 6,         ///< number
  // From a server.
  welcome = 16,  ///< number: largest payload; text: what the client's inboxes begin with
  message = 17,  ///< number: the subscription's; message
  answer = 18,   ///< number: the request's; message
  failure = 19,  ///< number: the request's, or 0: of the connection, which ends; code: Errc; text: what failed
  pong = 20,     ///< number: the ping's
};

struct Frame {
  FrameType type = FrameType::ping;
  std::uint16_t code = 0;
  std::uint64_t number = 0;
  std::string text;
  Message message;
};

/// resource_exhausted when it would be larger than kMaxFrameBytes.
Result<std::string> encode(const Frame& frame);
/// Of what follows the length.
Result<Frame> decode_frame(std::string_view body);

/// Cuts a stream of bytes into frames.
class FrameReader {
 public:
  void feed(std::string_view bytes);
  /// Nothing: more bytes are needed. After an error the stream is lost.
  Result<std::optional<Frame>> next();

 private:
  std::string buffer_;
  std::size_t begin_ = 0;
};

}  // namespace weft::bus
