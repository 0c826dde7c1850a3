// SPDX-License-Identifier: Apache-2.0
/// Bytes in, lines out: for the output of a process. Line ends ("\n", "\r\n") are taken off. A line longer than the
/// limit comes in pieces, so that memory is bounded whatever the process writes. Threads: a plain value.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace weft::supervision {

class LineSplitter {
 public:
  explicit LineSplitter(std::size_t limit) : limit_(limit) {}

  template <class OnLine>
  void feed(std::string_view bytes, OnLine&& on_line) {
    while (!bytes.empty()) {
      // Only now, for what is full may have ended: the next byte is then its line end.
      if (line_.size() == limit_ && bytes.front() != '\n') emit(on_line);
      const auto end = bytes.find('\n');
      const auto piece =
          bytes.substr(0, end == std::string_view::npos ? bytes.size() : end).substr(0, limit_ - line_.size());
      line_ += piece;
      bytes.remove_prefix(piece.size());
      if (!bytes.empty() && bytes.front() == '\n') {
        bytes.remove_prefix(1);
        if (line_.ends_with('\r')) line_.pop_back();
        emit(on_line);
      }
    }
  }
  /// What came after the last line end.
  template <class OnLine>
  void flush(OnLine&& on_line) {
    if (!line_.empty()) emit(on_line);
  }

 private:
  template <class OnLine>
  void emit(OnLine& on_line) {
    on_line(std::string_view(line_));
    line_.clear();
  }

  std::size_t limit_;
  std::string line_;
};

}  // namespace weft::supervision
