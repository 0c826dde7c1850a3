// SPDX-License-Identifier: Apache-2.0
#include "cli/signal_interrupts.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <future>

namespace weft::cli {
namespace {

TEST(SignalInterruptsTest, counts_signals_and_can_watch_again) {
  SignalInterrupts interrupts;
  for (int round = 0; round < 2; ++round) {
    std::promise<int> first;
    std::promise<int> second;
    {
      const InterruptScope scope(interrupts,
                                 [&](int signal, int count) { (count == 1 ? first : second).set_value(signal); });
      ::kill(::getpid(), SIGTERM);
      EXPECT_EQ(first.get_future().get(), SIGTERM);
      ::kill(::getpid(), SIGINT);
      EXPECT_EQ(second.get_future().get(), SIGINT);
    }
  }
}

TEST(SignalInterruptsTest, leaves_what_was_ignored_ignored) {
  const auto before = std::signal(SIGHUP, SIG_IGN);
  {
    SignalInterrupts interrupts;
    std::promise<int> first;
    const InterruptScope scope(interrupts, [&](int signal, int /*count*/) { first.set_value(signal); });
    ::kill(::getpid(), SIGHUP);
    ::kill(::getpid(), SIGTERM);
    EXPECT_EQ(first.get_future().get(), SIGTERM);
  }
  static_cast<void>(std::signal(SIGHUP, before));
}

TEST(SignalInterruptsTest, a_signal_kills_as_usual_when_nobody_watches) {
  EXPECT_EXIT(
      {
        SignalInterrupts interrupts;
        interrupts.watch([](int, int) {});
        interrupts.unwatch();
        ::kill(::getpid(), SIGTERM);
        ::pause();
      },
      testing::KilledBySignal(SIGTERM), "");
}

}  // namespace
}  // namespace weft::cli
