// SPDX-License-Identifier: Apache-2.0
#include "support/child.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <csignal>

namespace weft::test {

pid_t start_child(const std::vector<std::string>& arguments, const std::filesystem::path& log) {
  // All that allocates is done before the fork: the child may only call what is safe in a signal handler.
  std::vector<const char*> words;
  words.reserve(arguments.size() + 1);
  for (const auto& argument : arguments) {
    words.push_back(argument.c_str());
  }
  words.push_back(nullptr);
  const pid_t child = fork();
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int out = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    dup2(out, STDOUT_FILENO);
    dup2(out, STDERR_FILENO);
    // What other threads of the test have open would else stay open with the server.
    close_range(STDERR_FILENO + 1, ~0U, 0);
    execvp(words[0], const_cast<char* const*>(words.data()));  // NOLINT: as POSIX has it
    _exit(127);
  }
  return child;
}

}  // namespace weft::test
