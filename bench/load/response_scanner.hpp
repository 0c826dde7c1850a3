// SPDX-License-Identifier: Apache-2.0
/// Finds the end of one HTTP/1.1 response at a time: length, chunks, or neither. Looks at nothing else, so that the
/// load generator costs less than what it measures. Responses of 204 and 304 and to HEAD are not expected here.
/// Threads: a plain value.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace weft::bench {

class ResponseScanner {
 public:
  enum class Verdict : std::uint8_t { more, done, broken };

  /// Takes the next bytes of the connection. After done or broken, reset() before the next response.
  Verdict feed(std::string_view bytes);
  void reset();
  [[nodiscard]] int status() const noexcept { return status_; }

 private:
  enum class State : std::uint8_t { head, body, chunk_size, chunk_data, trailers };

  bool read_head();
  /// Takes a whole line from `bytes` into line_; false if it is not complete yet.
  bool take_line(std::string_view& bytes);

  State state_ = State::head;
  int status_ = 0;
  std::uint64_t left_ = 0;
  std::string line_;  // the head, or a line of the chunked coding, as far as it came
};

}  // namespace weft::bench
