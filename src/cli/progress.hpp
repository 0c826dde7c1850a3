// SPDX-License-Identifier: Apache-2.0
/// A line that is there only while something takes long, and only where a person watches.
#pragma once

#include "cli/context.hpp"

#include <string_view>

namespace weft::cli {

class Progress {
 public:
  Progress(const Context& context, std::string_view text) : context_(context), shown_(context.colours()) {
    if (shown_) context_.console.err(text);
  }
  ~Progress() { finish(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void finish() {
    if (shown_) context_.console.err("\r\x1b[2K");
    shown_ = false;
  }

 private:
  const Context& context_;
  bool shown_;
};

}  // namespace weft::cli
