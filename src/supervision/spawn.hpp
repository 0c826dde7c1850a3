// SPDX-License-Identifier: Apache-2.0
/// Starts a program so that it cannot be left behind: in a process group of its own, killed by the kernel when the
/// thread that started it ends, with none of our descriptors, signals or environment.
///
/// The death of the *thread* counts: spawn on a thread that lives as long as the process shall (a shard's), never on a
/// pool's. The kernel's promise holds for the process itself; what that starts in turn is killed with its group when
/// it ends and we still live. Programs get no new privileges (set-user-id), because those would undo the promise.
/// Errors: invalid_argument (a NUL in a string), io and resource_exhausted from the system. That
/// the program itself cannot be executed is learnt later: `exec_error`.
/// Source: prctl(2) PR_SET_PDEATHSIG, pidfd_open(2), close_range(2) of Linux man-pages 6.
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>
#include <weft/result.hpp>

#include "base/unique_fd.hpp"

namespace weft::supervision {

/// Hard and soft alike; unset: ours.
struct ResourceLimits {
  std::optional<rlim_t> open_files{};
  std::optional<rlim_t> address_space_bytes{};
  std::optional<rlim_t> cpu_seconds{};
  std::optional<rlim_t> core_bytes{};
  std::optional<rlim_t> file_bytes{};
};

struct Command {
  std::string program{};                             ///< a path; PATH is not searched
  std::vector<std::string> arguments{};              ///< without the program's name
  std::map<std::string, std::string> environment{};  ///< all of it: nothing is inherited
  std::string working_directory{};                   ///< empty: ours
  std::string cgroup{};                              ///< folder of a cgroup v2 it begins in (cgroup.hpp); empty: ours
  ResourceLimits limits{};
};

/// A process that was started. Plain descriptors, close-on-exec; whoever has it must kill and reap.
struct Spawned {
  pid_t pid = -1;
  base::UniqueFd pidfd;
  base::UniqueFd input;       ///< to write what it reads; closed, it reads the end
  base::UniqueFd output;      ///< its standard output
  base::UniqueFd errors;      ///< its standard error
  base::UniqueFd exec_error;  ///< ends without data when the program runs; else an ExecError
};

/// Why the program does not run.
struct ExecError {
  enum class Stage : int { directory, limits, group, cgroup, exec } stage;
  int number;  ///< errno
};

/// Of any process; none, and errno, when there is none.
base::UniqueFd open_pidfd(pid_t pid);

Result<Spawned> spawn(const Command& command);
Error to_error(const ExecError& error, const Command& command);

}  // namespace weft::supervision
