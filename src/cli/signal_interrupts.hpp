// SPDX-License-Identifier: Apache-2.0
/// SIGINT, SIGTERM and SIGHUP through a signalfd. What the process was started with as ignored (nohup, `&` in a script)
/// stays ignored. Created before any other thread, because every thread must inherit the blocked signals; outside
/// watch() a signal ends the process as usual.
#pragma once

#include "cli/interrupts.hpp"

#include <csignal>
#include <thread>

namespace weft::cli {

class SignalInterrupts final : public Interrupts {
 public:
  SignalInterrupts();
  ~SignalInterrupts() override;
  SignalInterrupts(const SignalInterrupts&) = delete;
  SignalInterrupts& operator=(const SignalInterrupts&) = delete;
  void watch(Handler handler) override;
  void unwatch() override;

 private:
  void loop(const Handler& handler) const;

  sigset_t signals_{};
  int signal_fd_ = -1;
  int stop_fd_ = -1;
  std::thread thread_;
};

}  // namespace weft::cli
