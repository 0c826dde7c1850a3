// SPDX-License-Identifier: Apache-2.0
#include "response_scanner.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>

namespace weft::bench {
namespace {

constexpr std::size_t kMaxHeadBytes = 64UL * 1024;

template <class Number>
bool parse_number(std::string_view text, Number& number, int base) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  return error == std::errc() && end != text.data();
}

}  // namespace

void ResponseScanner::reset() {
  state_ = State::head;
  status_ = 0;
  left_ = 0;
  line_.clear();
}

bool ResponseScanner::read_head() {
  if (!line_.starts_with("HTTP/1.1 ") || !parse_number(std::string_view(line_).substr(9, 3), status_, 10)) {
    return false;
  }
  std::string head = line_;
  std::transform(head.begin(), head.end(), head.begin(),
                 [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
  if (const auto at = head.find("\r\ncontent-length:"); at != std::string::npos) {
    const auto value = head.find_first_not_of(' ', at + 17);
    state_ = State::body;
    return value != std::string::npos && parse_number(std::string_view(head).substr(value), left_, 10);
  }
  state_ = State::chunk_size;
  return head.find("\r\ntransfer-encoding: chunked") != std::string::npos;
}

bool ResponseScanner::take_line(std::string_view& bytes) {
  const auto end = bytes.find('\n');
  if (end == std::string_view::npos) {
    line_ += bytes;
    bytes = {};
    return false;
  }
  line_ += bytes.substr(0, end);
  bytes.remove_prefix(end + 1);
  return true;
}

ResponseScanner::Verdict ResponseScanner::feed(std::string_view bytes) {
  while (true) {
    switch (state_) {
      case State::head: {
        const std::size_t before = line_.size();
        line_ += bytes;
        const auto end = line_.find("\r\n\r\n", before < 3 ? 0 : before - 3);
        if (end == std::string::npos) {
          return line_.size() > kMaxHeadBytes ? Verdict::broken : Verdict::more;
        }
        bytes.remove_prefix(end + 4 - before);
        line_.resize(end + 2);
        if (!read_head()) {
          return Verdict::broken;
        }
        line_.clear();
        break;
      }
      case State::body:
      case State::chunk_data: {
        const auto taken = std::min<std::uint64_t>(left_, bytes.size());
        bytes.remove_prefix(taken);
        left_ -= taken;
        if (left_ != 0) {
          return Verdict::more;
        }
        if (state_ == State::body) {
          return bytes.empty() ? Verdict::done : Verdict::broken;
        }
        state_ = State::chunk_size;
        break;
      }
      case State::chunk_size:
        if (!take_line(bytes)) {
          return line_.size() > kMaxHeadBytes ? Verdict::broken : Verdict::more;
        }
        if (!parse_number(line_, left_, 16)) {
          return Verdict::broken;
        }
        line_.clear();
        state_ = left_ == 0 ? State::trailers : State::chunk_data;
        left_ += left_ == 0 ? 0 : 2;  // the CRLF after the data
        break;
      case State::trailers: {
        if (!take_line(bytes)) {
          return Verdict::more;
        }
        const bool last = line_ == "\r";
        line_.clear();
        if (last) {
          return bytes.empty() ? Verdict::done : Verdict::broken;
        }
        break;
      }
    }
  }
}

}  // namespace weft::bench
