// SPDX-License-Identifier: Apache-2.0
#include "supervision/process_node.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include <array>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cerrno>
#include <deque>
#include <optional>
#include <set>
#include <utility>

#include "supervision/line_splitter.hpp"

namespace weft::supervision {
namespace {

using boost::asio::posix::stream_descriptor;

constexpr std::size_t kLastLines = 10;
/// What is still read of each stream after the process has ended: more than a pipe holds, and not without end, because
/// a process that left the group may go on writing.
constexpr std::size_t kMaxRest = 2U << 20U;
/// Of one stream in one go, before others have their turn.
constexpr std::size_t kMaxTurn = 64U << 10U;
/// Then it waits so long: a process that floods has its share of this thread and no more.
constexpr Duration kFloodPause{5};
constexpr int kReapMilliseconds = 1'000;

void set_nonblocking(int fd) noexcept { static_cast<void>(::fcntl(fd, F_SETFL, O_NONBLOCK)); }

/// One stream of the process. Waited for and then read in place, never read by Asio: at the process's end nothing that
/// was read may still be queued.
struct Output {
  Output(boost::asio::io_context& io, int fd, OutputStream name) : name(name), pipe(io, fd) { set_nonblocking(fd); }
  OutputStream name;
  stream_descriptor pipe;
  LineSplitter splitter{kMaxLine};
};

/// As write(2), but without a SIGPIPE when nobody reads any more. That signal is for the thread that writes, so it can
/// be held back here whatever the embedding program does with it.
ssize_t write_quietly(int fd, std::string_view data) noexcept {
  sigset_t pipe;
  sigset_t old;
  sigset_t pending;
  ::sigemptyset(&pipe);
  ::sigaddset(&pipe, SIGPIPE);
  ::sigpending(&pending);
  const bool was_pending = ::sigismember(&pending, SIGPIPE) == 1;
  ::pthread_sigmask(SIG_BLOCK, &pipe, &old);
  const ssize_t written = ::write(fd, data.data(), data.size());
  const int number = errno;
  if (written < 0 && number == EPIPE && !was_pending) {
    const timespec at_once{};
    ::sigtimedwait(&pipe, nullptr, &at_once);
  }
  ::pthread_sigmask(SIG_SETMASK, &old, nullptr);
  errno = number;
  return written;
}

std::string describe(const siginfo_t& info) {
  if (info.si_code == CLD_EXITED) return "exited with status " + std::to_string(info.si_status);
  const char* name = ::sigabbrev_np(info.si_status);
  return "was killed by signal " + (name != nullptr ? "SIG" + std::string(name) : std::to_string(info.si_status));
}

/// Handlers of Asio hold it weakly: what comes after the node is gone finds nothing.
class Process : public std::enable_shared_from_this<Process> {
 public:
  Process(std::shared_ptr<AsioRuntime> runtime, ProcessSpec spec)
      : runtime_(std::move(runtime)), spec_(std::move(spec)) {}
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  void start(Life life);
  void stop();
  void kill() noexcept {
    stopping_ = true;
    signal_group(SIGKILL);
  }

 private:
  template <class Then>
  void when_readable(stream_descriptor& descriptor, Then then);
  template <class Then>
  void after(Duration pause, Then then);
  void watch_start();
  void watch_end();
  void write_input();
  void watch(Output& output);
  void on_start_known();
  void on_end();
  bool read_start_error();
  enum class More : std::uint8_t { later, at_once, none };
  More read(Output& output, std::size_t limit);
  void read_rest(Output& output);
  void on_line(Output& output, std::string_view line);
  void signal_group(int signal) noexcept;
  std::optional<siginfo_t> reap(int options) noexcept;
  void finish(const std::optional<siginfo_t>& status);
  void tell_end(std::optional<Error> error);

  std::shared_ptr<AsioRuntime> runtime_;  ///< shared with the tree: descriptors of ours are in its loop
  ProcessSpec spec_;
  Life life_;
  pid_t pid_ = -1;  ///< -1: no process that is not reaped
  bool stopping_ = false;
  bool told_ready_ = false;
  bool runs_ = false;  ///< the program, not only the process
  std::optional<Error> start_error_;
  std::optional<stream_descriptor> pidfd_;
  std::optional<stream_descriptor> exec_pipe_;
  std::optional<stream_descriptor> input_;  ///< as long as something is to be written
  std::size_t written_ = 0;
  std::optional<Output> output_;
  std::optional<Output> errors_;
  std::deque<std::string> last_lines_;
  std::set<TimerId> timers_;
};

Process::~Process() {
  for (const TimerId timer : timers_) runtime_->cancel_timer(timer);
  if (pid_ < 0) return;
  signal_group(SIGKILL);
  pollfd ended{.fd = pidfd_->native_handle(), .events = POLLIN, .revents = 0};
  if (::poll(&ended, 1, kReapMilliseconds) > 0) static_cast<void>(reap(WEXITED | WNOHANG));
}

template <class Then>
void Process::when_readable(stream_descriptor& descriptor, Then then) {
  descriptor.async_wait(stream_descriptor::wait_read,
                        [weak = weak_from_this(), then](const boost::system::error_code& error) {
                          const auto self = weak.lock();
                          if (self != nullptr && error != boost::asio::error::operation_aborted) then(*self);
                        });
}

/// Not after the end.
template <class Then>
void Process::after(Duration pause, Then then) {
  const auto timer = std::make_shared<TimerId>(0);
  *timer = runtime_->start_timer(pause, [weak = weak_from_this(), timer, then]() noexcept {
    const auto self = weak.lock();
    if (self == nullptr) return;
    self->timers_.erase(*timer);
    if (self->pid_ >= 0) then(*self);
  });
  timers_.insert(*timer);
}

void Process::start(Life life) {
  life_ = std::move(life);
  auto spawned = spawn(spec_.command);
  if (!spawned) return tell_end(std::move(spawned).error());
  pid_ = spawned->pid;
  auto& io = runtime_->io();
  pidfd_.emplace(io, spawned->pidfd.release());
  exec_pipe_.emplace(io, spawned->exec_error.release());
  output_.emplace(io, spawned->output.release(), OutputStream::output);
  errors_.emplace(io, spawned->errors.release(), OutputStream::errors);
  input_.emplace(io, spawned->input.release());
  set_nonblocking(input_->native_handle());
  watch_start();
  watch_end();
  write_input();
  watch(*output_);
  watch(*errors_);
}

void Process::watch_start() {
  set_nonblocking(exec_pipe_->native_handle());
  when_readable(*exec_pipe_, [](Process& self) { self.on_start_known(); });
}

void Process::on_start_known() {
  if (!exec_pipe_ || read_start_error()) return;  // its end follows
  runs_ = true;
  life_.started();
  if (spec_.on_started) {
    spec_.on_started(life_, pid_);
  } else if (!spec_.is_ready) {
    life_.ready();
  }
}

bool Process::read_start_error() {
  ExecError error{};
  if (::read(exec_pipe_->native_handle(), &error, sizeof error) == ssize_t{sizeof error}) {
    start_error_ = to_error(error, spec_.command);
  }
  exec_pipe_.reset();
  return start_error_.has_value();
}

void Process::write_input() {
  while (written_ < spec_.input.size()) {
    const ssize_t size = write_quietly(input_->native_handle(), std::string_view(spec_.input).substr(written_));
    if (size >= 0) {
      written_ += static_cast<std::size_t>(size);
    } else if (errno == EAGAIN) {
      input_->async_wait(stream_descriptor::wait_write,
                         [weak = weak_from_this()](const boost::system::error_code& error) {
                           const auto self = weak.lock();
                           if (self != nullptr && !error && self->input_) self->write_input();
                         });
      return;
    } else if (errno != EINTR) {
      break;  // it wants no more: what comes of that is for the process to say
    }
  }
  input_.reset();
  spec_.input = {};
}

void Process::watch_end() {
  when_readable(*pidfd_, [](Process& self) { self.on_end(); });
}

void Process::on_end() {
  if (pid_ < 0) return;
  // While it is not reaped its number is its own: the group can be killed without hitting somebody else's.
  signal_group(SIGKILL);
  const auto status = reap(WEXITED | WNOHANG);
  input_.reset();
  if (exec_pipe_) read_start_error();
  read_rest(*output_);
  read_rest(*errors_);
  finish(status);
}

void Process::watch(Output& output) {
  when_readable(output.pipe, [&output](Process& self) {
    if (self.pid_ < 0) return;
    switch (self.read(output, kMaxTurn)) {
      case More::later:
        return self.watch(output);
      case More::at_once:
        return self.after(kFloodPause, [&output](Process& after_pause) { after_pause.watch(output); });
      case More::none:
        return;
    }
  });
}

Process::More Process::read(Output& output, std::size_t limit) {
  std::array<char, 8'192> buffer;  // NOLINT(cppcoreguidelines-pro-type-member-init): read into
  for (std::size_t total = 0; total < limit;) {
    const ssize_t size = ::read(output.pipe.native_handle(), buffer.data(), buffer.size());
    if (size < 0) return errno == EAGAIN || errno == EINTR ? More::later : More::none;
    if (size == 0) return More::none;
    total += static_cast<std::size_t>(size);
    output.splitter.feed({buffer.data(), static_cast<std::size_t>(size)},
                         [&](std::string_view line) { on_line(output, line); });
  }
  return More::at_once;
}

void Process::read_rest(Output& output) {
  read(output, kMaxRest);
  output.splitter.flush([&](std::string_view line) { on_line(output, line); });
  output.pipe.close();
}

void Process::on_line(Output& output, std::string_view line) {
  if (output.name == OutputStream::errors) {
    last_lines_.emplace_back(line.substr(0, 512));
    if (last_lines_.size() > kLastLines) last_lines_.pop_front();
  }
  if (spec_.on_line) spec_.on_line(output.name, line);
  if (!told_ready_ && spec_.is_ready && spec_.is_ready(output.name, line)) {
    told_ready_ = true;
    life_.ready();
  }
}

void Process::stop() {
  stopping_ = true;
  if (pid_ < 0) return;
  if (!runs_ || !spec_.ask_to_stop || !spec_.ask_to_stop()) return signal_group(SIGTERM);
  if (spec_.asking_budget > Duration::zero()) {
    after(spec_.asking_budget, [](Process& self) { self.signal_group(SIGTERM); });
  }
}

void Process::signal_group(int signal) noexcept {
  if (pid_ > 0) ::kill(-pid_, signal);
}

// Nothing when somebody else has reaped it, as a program does that ignores SIGCHLD.
std::optional<siginfo_t> Process::reap(int options) noexcept {
  siginfo_t info{};
  const auto pid = static_cast<id_t>(std::exchange(pid_, -1));
  if (::waitid(P_PID, pid, &info, options) != 0 || info.si_pid == 0) return std::nullopt;
  return info;
}

void Process::finish(const std::optional<siginfo_t>& status) {
  if (start_error_) return tell_end(std::move(start_error_));
  const bool clean = status && status->si_code == CLD_EXITED && status->si_status == 0;
  const bool as_asked =
      status && status->si_code == CLD_KILLED && (status->si_status == SIGTERM || status->si_status == SIGKILL);
  if (clean || (stopping_ && as_asked)) return tell_end({});
  std::string detail;
  for (const auto& line : last_lines_) detail.append(line).append("\n");
  tell_end(Error(Errc::unavailable,
                 spec_.command.program + " " + (status ? describe(*status) : "ended, nobody knows how"), {},
                 Blame::environment)
               .with_detail(std::move(detail)));
}

void Process::tell_end(std::optional<Error> error) {
  if (spec_.on_ended) return spec_.on_ended(life_, std::move(error));
  error ? life_.ended(*std::move(error)) : life_.ended();
}

class ProcessNode final : public Node {
 public:
  ProcessNode(std::shared_ptr<AsioRuntime> runtime, ProcessSpec spec)
      : process_(std::make_shared<Process>(std::move(runtime), std::move(spec))) {}

  void start(Life life) noexcept override { process_->start(std::move(life)); }
  void stop() noexcept override { process_->stop(); }
  void kill() noexcept override { process_->kill(); }

 private:
  std::shared_ptr<Process> process_;  ///< shared for the length of a handler only
};

}  // namespace

std::unique_ptr<Node> make_process_node(std::shared_ptr<AsioRuntime> runtime, ProcessSpec spec) {
  return std::make_unique<ProcessNode>(std::move(runtime), std::move(spec));
}

}  // namespace weft::supervision
