// SPDX-License-Identifier: Apache-2.0
#include "supervision/strays.hpp"

#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <charconv>
#include <chrono>
#include <cstring>
#include <fstream>
#include <memory>
#include <sstream>
#include <string_view>
#include <vector>

#include "supervision/spawn.hpp"

namespace weft::supervision {
namespace {

using Clock = std::chrono::steady_clock;

/// From the kill to the end of what was killed; a search is repeated as long, because some may have had children
/// meanwhile.
constexpr auto kPatience = std::chrono::seconds(1);

bool carries(std::string_view environment, const Mark& mark) {
  const auto wanted = mark.variable + "=" + mark.value;
  while (!environment.empty()) {
    const auto variable = environment.substr(0, environment.find('\0'));
    if (mark.match == Mark::Match::whole ? variable == wanted : variable.starts_with(wanted)) return true;
    environment.remove_prefix(std::min(variable.size() + 1, environment.size()));
  }
  return false;
}

/// Empty for what has ended, or is not ours to read.
std::string environment_of(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/environ", std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return std::move(text).str();
}

/// Handles first, then a look: so the number cannot have passed to another process in between.
Result<std::vector<base::UniqueFd>> find(const Mark& mark) {
  const auto close = [](DIR* folder) { ::closedir(folder); };
  const std::unique_ptr<DIR, decltype(close)> folder(::opendir("/proc"));
  if (!folder) return Error(Errc::io, "the processes of this machine cannot be listed", {}, Blame::environment);
  std::vector<base::UniqueFd> found;
  while (const dirent* entry = ::readdir(folder.get())) {
    const char* name = static_cast<const char*>(entry->d_name);
    pid_t pid = 0;
    const auto read = std::from_chars(name, name + std::strlen(name), pid);
    if (read.ec != std::errc() || *read.ptr != '\0' || pid == ::getpid()) continue;
    auto handle = open_pidfd(pid);
    if (handle && carries(environment_of(pid), mark)) found.push_back(std::move(handle));
  }
  return found;
}

bool kill_and_wait(const std::vector<base::UniqueFd>& processes, Clock::time_point deadline) {
  for (const auto& process : processes) {
    static_cast<void>(::syscall(SYS_pidfd_send_signal, process.get(), SIGKILL, nullptr, 0U));
  }
  for (const auto& process : processes) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    pollfd ended{.fd = process.get(), .events = POLLIN, .revents = 0};
    if (::poll(&ended, 1, static_cast<int>(std::max<std::int64_t>(left, 0))) <= 0) return false;
  }
  return true;
}

}  // namespace

Result<std::size_t> kill_strays(const Mark& mark) {
  const auto deadline = Clock::now() + kPatience;
  std::size_t killed = 0;
  while (true) {
    WEFT_TRY(const auto processes, find(mark));
    if (processes.empty()) return killed;
    killed += processes.size();
    if (!kill_and_wait(processes, deadline) || Clock::now() > deadline) {
      return Error(Errc::deadline_exceeded, "processes that were left behind do not end although they were killed", {},
                   Blame::environment);
    }
  }
}

}  // namespace weft::supervision
