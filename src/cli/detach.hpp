// SPDX-License-Identifier: Apache-2.0
/// A daemon that goes into the background once it is ready, and not before: the command in the terminal ends with
/// success when the host serves, and with the daemon's own error and exit code when it does not.
///
/// Forks, so it must come before any thread. Ownership: a value; the child's destructor without leave_terminal() just
/// ends the process's tie. Threads: the one of main(). Errors: io.
#pragma once

#include <weft/result.hpp>

#include <string>

namespace weft::cli {

class Detachment {
 public:
  /// Returns twice: in the terminal's process and in the daemon's.
  static Result<Detachment> fork();
  ~Detachment();
  Detachment(Detachment&& other) noexcept;
  Detachment& operator=(Detachment&&) = delete;
  Detachment(const Detachment&) = delete;
  Detachment& operator=(const Detachment&) = delete;

  [[nodiscard]] bool is_terminal_side() const noexcept { return child_ > 0; }
  /// Terminal's side: until the daemon is ready, or has ended; the exit code.
  int wait_for_daemon();
  /// Daemon's side: output goes to `log_file` from now on, and the other side goes on.
  Result<void> leave_terminal(const std::string& log_file);

 private:
  Detachment(int child, int pipe) : child_(child), pipe_(pipe) {}

  int child_;  ///< 0: this is the daemon
  int pipe_;   ///< the terminal's side reads, the daemon's writes
};

}  // namespace weft::cli
