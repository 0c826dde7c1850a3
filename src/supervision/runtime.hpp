// SPDX-License-Identifier: Apache-2.0
/// What a tree needs of the world: the time, timers, chance, and a way onto its own thread. Injected, so that tests
/// turn the clock by hand.
///
/// Shared by the tree and by the handles its nodes keep, which may outlive the tree. Threads: the tree's own, but
/// post().
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>

namespace weft::supervision {

using Duration = std::chrono::milliseconds;
using Instant = std::chrono::steady_clock::time_point;
using WallTime = std::chrono::system_clock::time_point;
/// 0 is no timer.
using TimerId = std::uint64_t;
using Work = std::move_only_function<void() noexcept>;

class Runtime {
 public:
  virtual ~Runtime() = default;

  [[nodiscard]] virtual Instant now() const = 0;
  /// For people to read only.
  [[nodiscard]] virtual WallTime wall_now() const = 0;
  /// In [0, 1): spreads restarts.
  [[nodiscard]] virtual double random() = 0;
  [[nodiscard]] virtual TimerId start_timer(Duration after, Work work) = 0;
  /// After it the timer's work does not run, also when it was due. Unknown ids are let pass.
  virtual void cancel_timer(TimerId timer) noexcept = 0;

  /// Any thread. Runs `work` later on the tree's thread, in order of one poster, never inside the call.
  virtual void post(Work work) = 0;
};

}  // namespace weft::supervision
