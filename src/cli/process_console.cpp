// SPDX-License-Identifier: Apache-2.0
#include "cli/process_console.hpp"

#include <poll.h>
#include <unistd.h>

#include <cerrno>

namespace weft::cli {
namespace {

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written >= 0) {
      text.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno == EAGAIN) {
      // Whoever shares the terminal or pipe with us made it non-blocking.
      pollfd ready{.fd = fd, .events = POLLOUT, .revents = 0};
      ::poll(&ready, 1, -1);
    } else if (errno != EINTR) {
      return false;
    }
  }
  return true;
}

}  // namespace

ProcessConsole::ProcessConsole() : err_is_terminal_(::isatty(STDERR_FILENO) == 1) {}

void ProcessConsole::out(std::string_view text) {
  if (!write_all(STDOUT_FILENO, text)) out_failed_.store(true, std::memory_order_relaxed);
}

void ProcessConsole::err(std::string_view text) { write_all(STDERR_FILENO, text); }

}  // namespace weft::cli
