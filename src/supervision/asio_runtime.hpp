// SPDX-License-Identifier: Apache-2.0
/// The Runtime of a running host: one io_context, which one thread runs (a shard's), and the system's clocks.
///
/// Ownership: shared; shares the io_context, so that a late post() goes nowhere instead of to freed memory. What is
/// queued when the loop ends is destroyed unrun. Threads: see Runtime; destroyed where the loop ran, or after it ended.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <map>
#include <memory>
#include <random>

#include "supervision/runtime.hpp"

namespace weft::supervision {

class AsioRuntime final : public Runtime, public std::enable_shared_from_this<AsioRuntime> {
 public:
  /// For a shard: `std::make_shared<AsioRuntime>(shard.shared_io())`.
  explicit AsioRuntime(std::shared_ptr<boost::asio::io_context> io);

  [[nodiscard]] boost::asio::io_context& io() noexcept { return *io_; }

  [[nodiscard]] Instant now() const override { return std::chrono::steady_clock::now(); }
  [[nodiscard]] WallTime wall_now() const override { return std::chrono::system_clock::now(); }
  [[nodiscard]] double random() override;
  [[nodiscard]] TimerId start_timer(Duration after, Work work) override;
  void cancel_timer(TimerId timer) noexcept override { timers_.erase(timer); }
  void post(Work work) override;

 private:
  struct Timer {
    boost::asio::steady_timer timer;
    Work work;
  };

  void fire(TimerId timer) noexcept;

  std::shared_ptr<boost::asio::io_context> io_;
  std::map<TimerId, Timer> timers_;
  TimerId last_timer_ = 0;
  std::minstd_rand engine_;
};

}  // namespace weft::supervision
