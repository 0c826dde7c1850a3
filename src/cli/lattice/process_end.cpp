// SPDX-License-Identifier: Apache-2.0
#include "cli/lattice/process_end.hpp"

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <fmt/format.h>

#include <algorithm>
#include <climits>

namespace weft::cli {

Result<void> wait_for_process_end(std::int64_t pid, std::chrono::milliseconds timeout) {
  if (pid <= 0 || pid > INT_MAX) return {};
  // Not the function of <sys/pidfd.h>, which Debian 12 declares without extern "C".
  const auto process = static_cast<int>(::syscall(SYS_pidfd_open, static_cast<pid_t>(pid), 0U));
  if (process < 0) return {};
  pollfd ended{.fd = process, .events = POLLIN, .revents = 0};
  const auto wait = static_cast<int>(std::clamp<std::int64_t>(timeout.count(), 0, INT_MAX));
  const int ready = ::poll(&ended, 1, wait);
  ::close(process);
  if (ready != 0) return {};
  return Error(Errc::deadline_exceeded, fmt::format("The process {} still stops.", pid),
               "Wait longer with '--timeout', or end it with a signal.", Blame::environment);
}

}  // namespace weft::cli
