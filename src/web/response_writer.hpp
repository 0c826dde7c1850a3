// SPDX-License-Identifier: Apache-2.0
/// Writes HTTP/1.1 heads, chunks and trailers as bytes. Pure but for the clock behind DateCache.
#pragma once

#include <cstddef>
#include <cstdint>
#include <ctime>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "web/exchange.hpp"

namespace weft::web {

/// How the end of a body is told.
enum class BodyEnd : std::uint8_t { length, chunked, close, none };

struct HeadPlan {
  BodyEnd end = BodyEnd::none;
  std::uint64_t length = 0;  ///< for BodyEnd::length
  bool close = false;        ///< say "connection: close"
  bool keep_alive = false;   ///< say "connection: keep-alive" (HTTP/1.0)
};

/// What a guest's head says, judged once.
struct HeadVerdict {
  bool valid = false;
  std::optional<std::uint64_t> length;
};
/// False for a status outside 200..599, a name or value that is not valid in HTTP, or a Content-Length that is no
/// number or differs from another.
[[nodiscard]] HeadVerdict judge_head(unsigned status, std::span<const Header> headers) noexcept;

/// The `date` header's value, made once per second.
class DateCache {
 public:
  [[nodiscard]] std::string_view now() noexcept;

 private:
  std::time_t second_ = -1;
  char text_[32] = {};
};

void append_head(std::string& out, unsigned status, std::span<const Header> headers, const HeadPlan& plan,
                 std::string_view date);
/// The bytes before a chunk's data; after the data comes "\r\n".
void append_chunk_start(std::string& out, std::size_t size);
/// The last chunk with its trailers; those that may not be trailers are left out.
void append_last_chunk(std::string& out, std::span<const Header> trailers);
/// The body of an answer of ours that carries an id: JSON if `accept` asks for it, else text.
[[nodiscard]] ResponseHead make_error(unsigned status, std::string_view reason, std::string_view id,
                                      std::string_view accept, std::string& body);

}  // namespace weft::web
