// SPDX-License-Identifier: Apache-2.0
#include "cli/detach.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "cli/exit_code.hpp"

namespace weft::cli {
namespace {

Error failed(std::string_view what) {
  return Error(Errc::io, fmt::format("Cannot go into the background: {}: {}.", what, std::strerror(errno)),
               "Run it in the foreground, without '--detach'.", Blame::environment);
}

}  // namespace

Result<Detachment> Detachment::fork() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return failed("pipe");
  const pid_t child = ::fork();
  if (child < 0) {
    const auto error = failed("fork");
    ::close(ends[0]);
    ::close(ends[1]);
    return error;
  }
  if (child > 0) {
    ::close(ends[1]);
    return Detachment(child, ends[0]);
  }
  ::close(ends[0]);
  // Its own session: the terminal's hang-up and Ctrl-C are not its business any more.
  ::setsid();
  return Detachment(0, ends[1]);
}

Detachment::Detachment(Detachment&& other) noexcept : child_(other.child_), pipe_(std::exchange(other.pipe_, -1)) {}

Detachment::~Detachment() {
  if (pipe_ >= 0) ::close(pipe_);
}

int Detachment::wait_for_daemon() {
  char ready = 0;
  ssize_t got = 0;
  do {
    got = ::read(pipe_, &ready, 1);
  } while (got < 0 && errno == EINTR);
  if (got == 1) return kExitSuccess;
  int status = 0;
  while (::waitpid(child_, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : kExitSignal + WTERMSIG(status);
}

Result<void> Detachment::leave_terminal(const std::string& log_file) {
  const int log = ::open(log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (log < 0) return failed(log_file);
  const int nothing = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  const bool moved = nothing >= 0 && ::dup2(nothing, STDIN_FILENO) >= 0 && ::dup2(log, STDOUT_FILENO) >= 0 &&
                     ::dup2(log, STDERR_FILENO) >= 0;
  if (nothing >= 0) ::close(nothing);
  ::close(log);
  if (!moved) return failed("dup2");
  const char ready = '1';
  // A terminal that has gone meanwhile does not matter.
  (void)!::write(pipe_, &ready, 1);
  ::close(std::exchange(pipe_, -1));
  return {};
}

}  // namespace weft::cli
