// SPDX-License-Identifier: Apache-2.0
/// Deadlines for connections at next to no cost: every timer of one kind runs for the same time, so a list in the order
/// of arming is sorted, arming is two pointer writes, and a coarse tick looks only at the front. Instead of one system
/// timer per request. Ownership: a Timer is a member of its session and leaves its queue when destroyed.   Threads: one
/// shard. Precision: late by up to one tick (kTick) plus the coarse clock's few milliseconds; never early by more than
/// those.
#pragma once

#include <time.h>

#include <boost/intrusive/list.hpp>
#include <chrono>
#include <cstdint>

namespace weft::web {

class Session;

inline constexpr std::chrono::milliseconds kTick{100};

enum class TimerKind : std::uint8_t {
  idle,     ///< between requests
  header,   ///< first byte of a head to its end
  read,     ///< a body that is waited for and does not come
  write,    ///< an answer that is not taken
  request,  ///< the whole request
  linger,   ///< after the last answer, for the client to read it
  blind,    ///< time to look whether the client of a connection that is not being read has left
};
inline constexpr std::size_t kTimerKinds = 7;

using Instant = std::chrono::nanoseconds;  ///< of the coarse monotonic clock

inline Instant coarse_now() noexcept {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

class Timer : public boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
 public:
  explicit Timer(Session& session) noexcept : session_(session) {}
  [[nodiscard]] bool is_armed() const noexcept { return is_linked(); }
  void disarm() noexcept {
    if (is_linked()) unlink();
  }

 private:
  friend class TimerQueue;
  Session& session_;
  Instant due_{0};
};

class TimerQueue {
 public:
  /// 0: timers of this queue never end.
  void set_duration(std::chrono::milliseconds duration) noexcept { duration_ = duration; }

  void arm(Timer& timer) noexcept {
    timer.disarm();
    if (duration_.count() <= 0) return;
    timer.due_ = coarse_now() + duration_;
    timers_.push_back(timer);
  }

  /// The session whose timer has run longest, or nullptr; `now` limits to those that are due.
  [[nodiscard]] Session* take_due(Instant now) noexcept {
    if (timers_.empty() || timers_.front().due_ > now) return nullptr;
    auto& session = timers_.front().session_;
    timers_.pop_front();
    return &session;
  }
  [[nodiscard]] Session* oldest() noexcept { return timers_.empty() ? nullptr : &timers_.front().session_; }

 private:
  boost::intrusive::list<Timer, boost::intrusive::constant_time_size<false>> timers_;
  std::chrono::milliseconds duration_{0};
};

}  // namespace weft::web
