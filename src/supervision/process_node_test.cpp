// SPDX-License-Identifier: Apache-2.0
// Against real processes of /bin/sh, /bin/cat and /bin/sleep.
#include "supervision/process_node.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/executor_work_guard.hpp>
#include <chrono>
#include <vector>

#include "supervision/tree.hpp"

namespace weft::supervision {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

constexpr auto kPatience = std::chrono::seconds(20);

/// True when the process ends before patience does.
bool ends(const base::UniqueFd& pidfd) {
  pollfd ended{.fd = pidfd.get(), .events = POLLIN, .revents = 0};
  return ::poll(&ended, 1, static_cast<int>(std::chrono::milliseconds(kPatience).count())) == 1;
}

class ProcessNodeTest : public testing::Test {
 protected:
  static ProcessSpec shell(const std::string& script) {
    return {.command = {.program = "/bin/sh", .arguments = {"-c", script}, .environment = {{"PATH", "/bin:/usr/bin"}}}};
  }

  /// A tree with one process, which is started; every line is noted.
  void start(ProcessSpec spec, Duration stop_budget = Duration(20'000)) {
    spec.on_line = [this](OutputStream stream, std::string_view line) {
      lines.push_back((stream == OutputStream::output ? "out " : "err ") + std::string(line));
    };
    ChildSpec child;
    child.name = "process";
    child.kind = "process";
    child.restart = Restart::temporary;
    child.stop_budget = stop_budget;
    child.make = [this, spec] { return make_process_node(runtime, spec); };
    TreeOptions options;
    options.root.name = "root";
    tree = std::make_unique<Tree>(runtime, std::move(options));
    tree->start();
    const auto added = tree->add(tree->root(), child, [this](const Result<void>& result) {
      started = true;
      if (!result) start_error = result.error().message();
    });
    ASSERT_TRUE(added);
    node = *added;
    ASSERT_TRUE(run_until([&] { return tree->info(node) && is_alive(tree->info(node)->state); }));
    tree->monitor(node, [this](NodeId, const Exit& given) { exit = given; });
  }
  void stop() {
    static_cast<void>(tree->stop_child(node));
    ASSERT_TRUE(run_until([&] { return exit.has_value(); }));
  }
  template <class Condition>
  bool run_until(Condition condition) {
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    while (!condition()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      io->restart();
      io->run_one_for(std::chrono::milliseconds(100));
    }
    return true;
  }
  void run_to_end(ProcessSpec spec) {
    start(std::move(spec));
    ASSERT_TRUE(run_until([&] { return exit.has_value() && started; }));
  }

  std::shared_ptr<boost::asio::io_context> io = std::make_shared<boost::asio::io_context>();
  std::shared_ptr<AsioRuntime> runtime = std::make_shared<AsioRuntime>(io);
  std::vector<std::string> lines;
  std::optional<Exit> exit;
  bool started = false;
  std::string start_error;
  NodeId node = 0;
  std::unique_ptr<Tree> tree;
};

TEST_F(ProcessNodeTest, hands_over_input_arguments_and_nothing_but_the_given_environment) {
  auto spec = shell("cat; echo \"$GIVEN\" >&2; env | sort | grep -v -e ^PWD= -e ^_= -e ^SHLVL= -e ^OLDPWD=");
  spec.command.environment["GIVEN"] = "a b";
  spec.input = "first\r\nsecond";
  run_to_end(std::move(spec));
  EXPECT_THAT(lines, UnorderedElementsAre("err a b", "out first", "out secondGIVEN=a b", "out PATH=/bin:/usr/bin"));
  EXPECT_EQ(exit->kind, ExitKind::normal);
}

TEST_F(ProcessNodeTest, takes_input_that_is_more_than_a_pipe_holds) {
  constexpr std::size_t size = 3U << 20U;
  auto spec = shell("wc -c");
  spec.input.assign(size, 'x');
  run_to_end(std::move(spec));
  EXPECT_THAT(lines, ElementsAre("out " + std::to_string(size)));
}

TEST_F(ProcessNodeTest, one_that_never_reads_holds_nobody_up) {
  auto spec = shell("echo up; exec sleep 1000");
  spec.input.assign(3U << 20U, 'x');
  start(std::move(spec));
  ASSERT_TRUE(run_until([&] { return !lines.empty(); }));
  stop();
  EXPECT_EQ(exit->kind, ExitKind::shutdown);
}

TEST_F(ProcessNodeTest, one_that_closes_its_input_unread_goes_on_and_so_do_we) {
  auto spec = shell("exec 0<&-; echo closed; exec sleep 1000");
  spec.input.assign(3U << 20U, 'x');
  start(std::move(spec));
  ASSERT_TRUE(run_until([&] { return !lines.empty(); }));
  stop();
  EXPECT_EQ(exit->kind, ExitKind::shutdown);
  sigset_t pending;
  ::sigpending(&pending);
  EXPECT_EQ(::sigismember(&pending, SIGPIPE), 0);
}

TEST_F(ProcessNodeTest, refuses_strings_with_nul) {
  Command command{.program = "/bin/cat", .arguments = {std::string("a\0b", 3)}};
  EXPECT_EQ(spawn(command).error().code(), Errc::invalid_argument);
  command = {.program = "/bin/cat", .environment = {{"A=B", "c"}}};
  EXPECT_EQ(spawn(command).error().code(), Errc::invalid_argument);
}

TEST_F(ProcessNodeTest, a_flood_does_not_keep_the_thread_from_its_other_work) {
  start(shell("exec yes 0123456789"));
  ASSERT_TRUE(run_until([&] { return lines.size() > 100'000; }));
  const auto began = std::chrono::steady_clock::now();
  stop();
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(5));
}

TEST_F(ProcessNodeTest, whoever_wants_to_know_of_the_end_first_tells_of_it) {
  auto spec = shell("exit 3");
  std::optional<Error> told;
  spec.on_ended = [&](const Life& life, std::optional<Error> error) {
    told = std::move(error);
    life.ended(Error(Errc::unavailable, "as it was told"));
  };
  run_to_end(std::move(spec));
  ASSERT_TRUE(told);
  EXPECT_EQ(told->message(), "/bin/sh exited with status 3");
  EXPECT_EQ(exit->error->message(), "as it was told");
}

TEST_F(ProcessNodeTest, a_cgroup_that_is_not_there_is_named) {
  auto spec = shell("true");
  spec.command.cgroup = "/nowhere";
  run_to_end(std::move(spec));
  EXPECT_THAT(start_error, HasSubstr("/nowhere/cgroup.procs"));
}

TEST_F(ProcessNodeTest, a_program_that_cannot_be_executed_has_failed_to_start) {
  run_to_end({.command = {.program = "/nowhere/program"}});
  EXPECT_EQ(start_error, "/nowhere/program cannot be executed: No such file or directory");
}

TEST_F(ProcessNodeTest, a_working_directory_that_is_not_there_is_named) {
  auto spec = shell("true");
  spec.command.working_directory = "/nowhere";
  run_to_end(std::move(spec));
  EXPECT_THAT(start_error, HasSubstr("working directory /nowhere"));
}

TEST_F(ProcessNodeTest, a_status_that_is_not_zero_is_a_failure_with_the_last_words) {
  auto spec = shell("echo why >&2; exit 3");
  run_to_end(std::move(spec));
  EXPECT_EQ(exit->kind, ExitKind::failure);
  EXPECT_EQ(exit->error->message(), "/bin/sh exited with status 3");
  EXPECT_EQ(exit->error->detail(), "why\n");
}

TEST_F(ProcessNodeTest, a_signal_from_elsewhere_is_a_failure) {
  run_to_end(shell("kill -SEGV $$"));
  EXPECT_EQ(exit->error->message(), "/bin/sh was killed by signal SIGSEGV");
}

TEST_F(ProcessNodeTest, is_ready_when_a_line_says_so) {
  auto spec = shell("echo starting; read -r line; echo Server is ready; exec sleep 1000");
  spec.is_ready = [this](OutputStream, std::string_view line) {
    EXPECT_FALSE(started);
    return line == "Server is ready";
  };
  start(std::move(spec));
  ASSERT_TRUE(run_until([&] { return started; }));
  EXPECT_THAT(lines, ElementsAre("out starting", "out Server is ready"));
  stop();
  EXPECT_EQ(exit->kind, ExitKind::shutdown);
  EXPECT_FALSE(exit->error);
}

TEST_F(ProcessNodeTest, is_ready_when_its_starter_says_so) {
  auto spec = shell("exec sleep 1000");
  pid_t pid = 0;
  spec.on_started = [&](const Life& life, pid_t given) {
    pid = given;
    life.ready();
  };
  start(std::move(spec));
  ASSERT_TRUE(run_until([&] { return started; }));
  EXPECT_EQ(::getpgid(pid), pid);
  stop();
}

TEST_F(ProcessNodeTest, kills_a_group_that_does_not_heed_sigterm) {
  auto spec = shell("trap '' TERM; sleep 1000 & echo $!; wait; wait; wait");
  start(std::move(spec), Duration(50));
  ASSERT_TRUE(run_until([&] { return !lines.empty(); }));
  const base::UniqueFd grandchild = open_pidfd(static_cast<pid_t>(std::stol(lines[0].substr(4))));
  ASSERT_TRUE(grandchild);
  stop();
  EXPECT_EQ(exit->kind, ExitKind::killed);
  EXPECT_TRUE(ends(grandchild));
}

TEST_F(ProcessNodeTest, nothing_of_its_group_outlives_it) {
  start(shell("sleep 1000 & echo $!; read -r line; exit 0"));
  ASSERT_TRUE(run_until([&] { return exit.has_value(); }));
  ASSERT_EQ(lines.size(), 1U);
  const pid_t pid = static_cast<pid_t>(std::stol(lines[0].substr(4)));
  const base::UniqueFd grandchild = open_pidfd(pid);
  if (grandchild) EXPECT_TRUE(ends(grandchild));
}

TEST_F(ProcessNodeTest, may_be_asked_to_end_in_its_own_way) {
  auto spec = shell("trap 'echo TERM' TERM; echo up; while ! test -e \"$FLAG\"; do sleep 0.01; done; echo asked");
  const std::string flag = testing::TempDir() + "weft-stop-" + std::to_string(::getpid());
  ::unlink(flag.c_str());
  spec.command.environment["FLAG"] = flag;
  spec.ask_to_stop = [&] {
    const base::UniqueFd file(::open(flag.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    return static_cast<bool>(file);
  };
  start(std::move(spec));
  ASSERT_TRUE(run_until([&] { return !lines.empty(); }));
  stop();
  ::unlink(flag.c_str());
  EXPECT_THAT(lines, ElementsAre("out up", "out asked"));
  EXPECT_EQ(exit->kind, ExitKind::shutdown);
}

TEST_F(ProcessNodeTest, one_that_does_not_heed_what_it_was_asked_gets_sigterm) {
  auto spec = shell("trap 'echo TERM; exit 0' TERM; echo up; while :; do sleep 0.01; done");
  spec.ask_to_stop = [] { return true; };
  spec.asking_budget = Duration(50);
  start(std::move(spec));
  ASSERT_TRUE(run_until([&] { return !lines.empty(); }));
  stop();
  EXPECT_THAT(lines, testing::Contains("out TERM"));
  EXPECT_EQ(exit->kind, ExitKind::shutdown);
}

TEST_F(ProcessNodeTest, inherits_no_descriptor_and_no_ignored_signal) {
  const base::UniqueFd ours(::open("/dev/null", O_RDONLY));  // without close-on-exec, as careless libraries do
  ASSERT_TRUE(ours);
  ::signal(SIGPIPE, SIG_IGN);  // NOLINT(bugprone-signal-handler): it is none
  run_to_end(
      {.command = {.program = "/bin/sh", .arguments = {"-c", "grep SigIgn /proc/$$/status; exec ls /proc/self/fd"}}});
  ::signal(SIGPIPE, SIG_DFL);  // NOLINT(bugprone-signal-handler): it is none
  EXPECT_THAT(lines, ElementsAre("out SigIgn:\t0000000000000000", "out 0", "out 1", "out 2", "out 3"))
      << "the last is the folder that is listed";
}

TEST_F(ProcessNodeTest, sets_resource_limits) {
  auto spec = shell("ulimit -n; ulimit -c");
  spec.command.limits = {.open_files = 64, .core_bytes = 0};
  run_to_end(std::move(spec));
  EXPECT_THAT(lines, ElementsAre("out 64", "out 0"));
}

TEST_F(ProcessNodeTest, passes_on_much_output_to_its_last_byte) {
  run_to_end(shell("yes 0123456789 | head -n 20000; printf end"));
  EXPECT_EQ(lines.size(), 20'001U);
  EXPECT_EQ(lines.back(), "out end");
}

TEST_F(ProcessNodeTest, a_node_that_is_destroyed_takes_its_process_with_it) {
  pid_t pid = 0;
  auto spec = shell("trap '' TERM; while :; do sleep 1000; done");
  spec.on_started = [&](const Life& life, pid_t given) {
    pid = given;
    life.ready();
  };
  start(std::move(spec));
  ASSERT_TRUE(run_until([&] { return started; }));
  const base::UniqueFd process = open_pidfd(pid);
  tree.reset();
  EXPECT_TRUE(ends(process));
  EXPECT_EQ(::waitpid(pid, nullptr, WNOHANG), -1) << "it is reaped";
}

// In a process of its own: a supervisor of one process, which it names on `to`.
[[noreturn]] void supervise_forever(int to) {
  const auto io = std::make_shared<boost::asio::io_context>();
  const auto runtime = std::make_shared<AsioRuntime>(io);
  ProcessSpec spec{.command = {.program = "/bin/sleep", .arguments = {"1000"}}};
  spec.on_started = [to](const Life& life, pid_t pid) {
    life.ready();
    if (::write(to, &pid, sizeof pid) != sizeof pid) ::_exit(1);
  };
  ChildSpec child{.name = "process", .kind = "process"};
  child.make = [&] { return make_process_node(runtime, spec); };
  TreeOptions options;
  options.root.name = "root";
  options.root.children = {child};
  Tree tree(runtime, std::move(options));
  tree.start();
  const auto guard = boost::asio::make_work_guard(*io);
  io->run();
  ::_exit(0);
}

TEST_F(ProcessNodeTest, a_process_dies_with_its_supervisor_even_when_that_is_killed) {
  int ends_of_pipe[2];
  ASSERT_EQ(::pipe2(ends_of_pipe, O_CLOEXEC), 0);
  const base::UniqueFd from(ends_of_pipe[0]);
  base::UniqueFd to(ends_of_pipe[1]);
  const pid_t supervisor = ::fork();
  ASSERT_GE(supervisor, 0);
  if (supervisor == 0) supervise_forever(to.get());
  to.reset();
  pid_t pid = 0;
  ASSERT_EQ(::read(from.get(), &pid, sizeof pid), ssize_t{sizeof pid});
  const base::UniqueFd process = open_pidfd(pid);
  ASSERT_TRUE(process);
  ASSERT_EQ(::kill(supervisor, SIGKILL), 0);
  EXPECT_EQ(::waitpid(supervisor, nullptr, 0), supervisor);
  EXPECT_TRUE(ends(process));
}

}  // namespace
}  // namespace weft::supervision
