// SPDX-License-Identifier: Apache-2.0
#include "cli/signal_interrupts.hpp"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <cstdint>

namespace weft::cli {
namespace {

bool is_ignored(int signal) {
  struct sigaction current{};
  return ::sigaction(signal, nullptr, &current) == 0 && current.sa_handler == SIG_IGN;
}

}  // namespace

SignalInterrupts::SignalInterrupts() {
  sigemptyset(&signals_);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    if (!is_ignored(signal)) sigaddset(&signals_, signal);
  }
}

SignalInterrupts::~SignalInterrupts() { unwatch(); }

void SignalInterrupts::watch(Handler handler) {
  unwatch();
  signal_fd_ = ::signalfd(-1, &signals_, SFD_CLOEXEC);
  stop_fd_ = ::eventfd(0, EFD_CLOEXEC);
  if (signal_fd_ < 0 || stop_fd_ < 0) return;  // out of descriptors: signals keep killing
  ::pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
  thread_ = std::thread([this, handler = std::move(handler)] { loop(handler); });
}

void SignalInterrupts::unwatch() {
  if (thread_.joinable()) {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(stop_fd_, &one, sizeof one);
    thread_.join();
    ::pthread_sigmask(SIG_UNBLOCK, &signals_, nullptr);
  }
  for (int* fd : {&signal_fd_, &stop_fd_}) {
    if (*fd >= 0) ::close(*fd);
    *fd = -1;
  }
}

void SignalInterrupts::loop(const Handler& handler) const {
  std::array<pollfd, 2> waited{
      {{.fd = stop_fd_, .events = POLLIN, .revents = 0}, {.fd = signal_fd_, .events = POLLIN, .revents = 0}}};
  for (int count = 0;;) {
    if (::poll(waited.data(), waited.size(), -1) < 0) continue;
    if (waited[0].revents != 0) return;
    signalfd_siginfo info{};
    if (::read(signal_fd_, &info, sizeof info) == sizeof info) handler(static_cast<int>(info.ssi_signo), ++count);
  }
}

}  // namespace weft::cli
