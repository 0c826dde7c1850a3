// SPDX-License-Identifier: Apache-2.0
/// Where a command prints: results to `out`, everything else to `err`. Colours and progress only where a person
/// watches. Threads: any; each call is one write, so that lines of several threads do not mix.
#pragma once

#include <string_view>

namespace weft::cli {

class Console {
 public:
  virtual ~Console() = default;
  virtual void out(std::string_view text) = 0;
  virtual void err(std::string_view text) = 0;
  [[nodiscard]] virtual bool err_is_terminal() const = 0;
  /// True once something could not be written to `out` (a full disk, a reader that left).
  [[nodiscard]] virtual bool out_failed() const = 0;
};

}  // namespace weft::cli
