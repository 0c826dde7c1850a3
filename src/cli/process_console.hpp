// SPDX-License-Identifier: Apache-2.0
/// This process's own stdout and stderr.
#pragma once

#include "cli/console.hpp"

#include <atomic>

namespace weft::cli {

class ProcessConsole final : public Console {
 public:
  ProcessConsole();
  void out(std::string_view text) override;
  void err(std::string_view text) override;
  [[nodiscard]] bool err_is_terminal() const override { return err_is_terminal_; }
  [[nodiscard]] bool out_failed() const override { return out_failed_.load(std::memory_order_relaxed); }

 private:
  bool err_is_terminal_;
  std::atomic<bool> out_failed_ = false;
};

}  // namespace weft::cli
