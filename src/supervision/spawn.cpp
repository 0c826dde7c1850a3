// SPDX-License-Identifier: Apache-2.0
#include "supervision/spawn.hpp"

#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

namespace weft::supervision {
namespace {

constexpr int kBusyAttempts = 100;
constexpr int kBusyMilliseconds = 10;

struct Pipe {
  base::UniqueFd read;
  base::UniqueFd write;
};

struct Limit {
  __rlimit_resource resource;
  rlimit value;
};

/// All that the new process needs, made before the fork: after it, memory must not be allocated, because another thread
/// may have held the allocator's lock.
struct Plan {
  const char* program = nullptr;
  const char* directory = nullptr;
  std::vector<char*> arguments;
  std::vector<char*> environment;
  std::vector<Limit> limits;
  std::array<int, 3> standard{-1, -1, -1};
  int exec_error = -1;
  int cgroup = -1;  ///< cgroup.procs, open for writing
  pid_t parent = -1;
};

Error system_error(const std::string& what, int number) {
  const auto code = number == EMFILE || number == ENFILE || number == EAGAIN || number == ENOMEM
                        ? Errc::resource_exhausted
                        : Errc::io;
  return {code, what + ": " + std::generic_category().message(number), {}, Blame::environment};
}

// Out of the way of 0, 1 and 2, onto which the ends are copied in the new process.
Result<base::UniqueFd> above_standard(base::UniqueFd fd) {
  if (fd.get() > 2) return fd;
  base::UniqueFd moved(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 3));
  if (!moved) return system_error("no descriptor for a process", errno);
  return moved;
}

Result<Pipe> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return system_error("no pipe for a process", errno);
  base::UniqueFd read(ends[0]);
  base::UniqueFd write(ends[1]);
  Pipe pipe;
  WEFT_TRY(pipe.read, above_standard(std::move(read)));
  WEFT_TRY(pipe.write, above_standard(std::move(write)));
  return pipe;
}

// Where a process joins a group of the control groups; none for one that stays in ours.
Result<base::UniqueFd> open_cgroup(const std::string& folder) {
  if (folder.empty()) return base::UniqueFd();
  const auto file = folder + "/cgroup.procs";
  base::UniqueFd fd(::open(file.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd) return system_error(file, errno);
  return above_standard(std::move(fd));
}

bool has_nul(const Command& command) {
  const auto bad = [](const std::string& text) { return text.find('\0') != std::string::npos; };
  return bad(command.program) || bad(command.working_directory) || bad(command.cgroup) ||
         std::ranges::any_of(command.arguments, bad) || std::ranges::any_of(command.environment, [&](const auto& pair) {
           return bad(pair.first) || bad(pair.second) || pair.first.empty() || pair.first.contains('=');
         });
}

std::vector<Limit> list_limits(const ResourceLimits& limits) {
  std::vector<Limit> list;
  const auto add = [&](__rlimit_resource resource, const std::optional<rlim_t>& value) {
    if (value) list.push_back({resource, {.rlim_cur = *value, .rlim_max = *value}});
  };
  add(RLIMIT_NOFILE, limits.open_files);
  add(RLIMIT_AS, limits.address_space_bytes);
  add(RLIMIT_CPU, limits.cpu_seconds);
  add(RLIMIT_CORE, limits.core_bytes);
  add(RLIMIT_FSIZE, limits.file_bytes);
  return list;
}

// From here to run(): in the new process; async-signal-safe calls only.

[[noreturn]] void give_up(const Plan& plan, ExecError::Stage stage) {
  const ExecError error{stage, errno};
  [[maybe_unused]] const ssize_t written = ::write(plan.exec_error, &error, sizeof error);
  ::_exit(127);
}

// A handler of ours must not run there; what we ignore (SIGPIPE) it shall decide for itself.
void reset_signals() {
  struct sigaction usual{};
  usual.sa_handler = SIG_DFL;
  for (int signal = 1; signal < NSIG; ++signal) ::sigaction(signal, &usual, nullptr);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

void close_others() {
  if (::syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC) == 0) return;
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  const int end = static_cast<int>(std::min<rlim_t>(limit.rlim_cur, 1U << 20U));
  for (int fd = 3; fd < end; ++fd) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
}

[[noreturn]] void run(const Plan& plan) {
  using Stage = ExecError::Stage;
  if (::setpgid(0, 0) != 0) give_up(plan, Stage::group);
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) give_up(plan, Stage::group);
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) give_up(plan, Stage::group);
  // Our parent may have died before the line above: then nobody tells.
  if (::getppid() != plan.parent) ::_exit(127);
  // Before anything of the program runs: what it starts is in the group from the beginning. "0" is whoever writes.
  if (plan.cgroup >= 0 && ::write(plan.cgroup, "0", 1) != 1) give_up(plan, Stage::cgroup);
  reset_signals();
  for (int fd = 0; fd < 3; ++fd) {
    if (::dup2(plan.standard[static_cast<std::size_t>(fd)], fd) < 0) give_up(plan, Stage::group);
  }
  close_others();
  if (plan.directory != nullptr && ::chdir(plan.directory) != 0) give_up(plan, Stage::directory);
  for (const auto& limit : plan.limits) {
    if (::setrlimit(limit.resource, &limit.value) != 0) give_up(plan, Stage::limits);
  }
  // "Text file busy": another thread of ours forked while the program was written, and that child still has it open,
  // until it has become a program itself. That is over in a moment.
  for (int attempt = 0; attempt < kBusyAttempts; ++attempt) {
    ::execve(plan.program, plan.arguments.data(), plan.environment.data());
    if (errno != ETXTBSY) break;
    static_cast<void>(::poll(nullptr, 0, kBusyMilliseconds));
    errno = ETXTBSY;
  }
  give_up(plan, Stage::exec);
}

// All signals are blocked over the fork, so that none meets a handler of ours in the new process.
pid_t fork_quietly(const Plan& plan) {
  sigset_t all;
  sigset_t old;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &old);
  const pid_t pid = ::fork();
  if (pid == 0) run(plan);
  const int number = errno;
  ::pthread_sigmask(SIG_SETMASK, &old, nullptr);
  errno = number;
  return pid;
}

char* lend(const std::string& text) {
  return const_cast<char*>(text.c_str());  // NOLINT(cppcoreguidelines-pro-type-const-cast): execve does not write
}

}  // namespace

// Not glibc's function: Debian 12's header declares it without extern "C".
base::UniqueFd open_pidfd(pid_t pid) { return base::UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0U))); }

Result<Spawned> spawn(const Command& command) {
  if (has_nul(command)) {
    return Error(Errc::invalid_argument, "the command line or environment of " + command.program.substr(0, 200) +
                                             " has a NUL, or a variable without a proper name");
  }
  WEFT_TRY(auto input, make_pipe());
  WEFT_TRY(auto output, make_pipe());
  WEFT_TRY(auto errors, make_pipe());
  WEFT_TRY(auto exec_error, make_pipe());
  WEFT_TRY(const auto cgroup, open_cgroup(command.cgroup));
  std::vector<std::string> variables;
  variables.reserve(command.environment.size());
  for (const auto& [name, value] : command.environment)
    variables.push_back(std::string(name).append("=").append(value));

  Plan plan;
  plan.program = command.program.c_str();
  plan.directory = command.working_directory.empty() ? nullptr : command.working_directory.c_str();
  plan.arguments.push_back(lend(command.program));
  for (const auto& argument : command.arguments) plan.arguments.push_back(lend(argument));
  plan.arguments.push_back(nullptr);
  for (const auto& variable : variables) plan.environment.push_back(lend(variable));
  plan.environment.push_back(nullptr);
  plan.limits = list_limits(command.limits);
  plan.standard = {input.read.get(), output.write.get(), errors.write.get()};
  plan.exec_error = exec_error.write.get();
  plan.cgroup = cgroup.get();
  plan.parent = ::getpid();

  Spawned spawned;
  spawned.pid = fork_quietly(plan);
  if (spawned.pid < 0) return system_error("no process for " + command.program, errno);
  // On both sides, so that whoever comes first finds the group. It fails when the program runs already: then it exists.
  static_cast<void>(::setpgid(spawned.pid, spawned.pid));
  spawned.pidfd = open_pidfd(spawned.pid);
  if (!spawned.pidfd) {
    const int number = errno;
    ::kill(spawned.pid, SIGKILL);
    ::waitpid(spawned.pid, nullptr, 0);
    return system_error("no handle for the process of " + command.program, number);
  }
  spawned.input = std::move(input.write);
  spawned.output = std::move(output.read);
  spawned.errors = std::move(errors.read);
  spawned.exec_error = std::move(exec_error.read);
  return spawned;
}

Error to_error(const ExecError& error, const Command& command) {
  switch (error.stage) {
    case ExecError::Stage::directory:
      return system_error("the working directory " + command.working_directory + " of " + command.program,
                          error.number);
    case ExecError::Stage::limits:
      return system_error("the resource limits of " + command.program, error.number);
    case ExecError::Stage::group:
      return system_error("setting up the process of " + command.program, error.number);
    case ExecError::Stage::cgroup:
      return system_error("the control group " + command.cgroup + " of " + command.program, error.number);
    case ExecError::Stage::exec:
      return system_error(command.program + " cannot be executed", error.number);
  }
  return {Errc::internal, command.program + " cannot be executed"};
}

}  // namespace weft::supervision
