// SPDX-License-Identifier: Apache-2.0
/// A Runtime for tests: time stands still until advance(), and work waits until run(). With a seed, work that is posted
/// by different posters (all here) is run in random order. Threads: one.
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <random>
#include <utility>
#include <vector>

#include "supervision/runtime.hpp"

namespace weft::supervision {

class FakeRuntime final : public Runtime {
 public:
  FakeRuntime() = default;
  explicit FakeRuntime(unsigned seed) : engine_(seed), shuffle_(true) {}

  [[nodiscard]] Instant now() const override { return now_; }
  [[nodiscard]] WallTime wall_now() const override {
    return WallTime{} + std::chrono::duration_cast<WallTime::duration>(now_.time_since_epoch());
  }
  [[nodiscard]] double random() override { return shuffle_ ? std::uniform_real_distribution(0.0, 1.0)(engine_) : 0.5; }
  [[nodiscard]] TimerId start_timer(Duration after, Work work) override {
    timers_.emplace(++last_timer_, Timer{now_ + after, std::move(work)});
    return last_timer_;
  }
  void cancel_timer(TimerId timer) noexcept override { timers_.erase(timer); }
  void post(Work work) override { posted_.push_back(std::move(work)); }

  /// Runs what is posted, and what that posts.
  void run() {
    while (run_one()) {
    }
  }
  bool run_one() {
    if (posted_.empty()) return false;
    const std::size_t at =
        shuffle_ ? std::uniform_int_distribution<std::size_t>(0, posted_.size() - 1)(engine_) : std::size_t{0};
    auto work = std::move(posted_[at]);
    posted_.erase(posted_.begin() + static_cast<std::ptrdiff_t>(at));
    work();
    return true;
  }
  /// Lets time pass: due timers run in order, each at its own time, with all work they cause.
  void advance(Duration duration) {
    const Instant end = now_ + duration;
    run();
    while (fire_next(end)) run();
    now_ = end;
  }
  [[nodiscard]] std::size_t timers() const noexcept { return timers_.size(); }
  [[nodiscard]] bool idle() const noexcept { return posted_.empty(); }

 private:
  struct Timer {
    Instant due;
    Work work;
  };

  bool fire_next(Instant end) {
    auto next = timers_.end();
    for (auto timer = timers_.begin(); timer != timers_.end(); ++timer) {
      if (timer->second.due <= end && (next == timers_.end() || timer->second.due < next->second.due)) next = timer;
    }
    if (next == timers_.end()) return false;
    now_ = std::max(now_, next->second.due);
    auto work = std::move(next->second.work);
    timers_.erase(next);
    work();
    return true;
  }

  Instant now_{std::chrono::hours(1)};
  std::map<TimerId, Timer> timers_;
  TimerId last_timer_ = 0;
  std::vector<Work> posted_;
  std::mt19937 engine_;
  bool shuffle_ = false;
};

}  // namespace weft::supervision
