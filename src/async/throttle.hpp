// SPDX-License-Identifier: Apache-2.0
/// Lets so many tasks at a time go on and the others wait in the order in which they came: ten thousand starts at once
/// would fill every queue behind them. Ownership: a Pass keeps its Throttle alive and ends with its scope. Threads: one
/// shard.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <utility>

#include "async/completion.hpp"
#include "async/task.hpp"

namespace weft::async {

class Throttle : public std::enable_shared_from_this<Throttle> {
 public:
  class Pass {
   public:
    explicit Pass(std::shared_ptr<Throttle> throttle) : throttle_(std::move(throttle)) {}
    Pass(Pass&&) noexcept = default;
    Pass& operator=(Pass&&) = delete;
    ~Pass() {
      if (throttle_) throttle_->leave();
    }

   private:
    std::shared_ptr<Throttle> throttle_;
  };

  explicit Throttle(std::size_t limit) : free_(limit) {}

  /// Errors: cancelled.
  Task<Pass> enter() {
    if (free_ > 0) {
      --free_;
    } else {
      WEFT_CO_CHECK(co_await wait_for_completion<void>(
          [this](Completion<void> granted) { waiting_.push_back(std::move(granted)); }));
    }
    co_return Pass(shared_from_this());
  }

  [[nodiscard]] std::size_t waiting() const noexcept { return waiting_.size(); }

 private:
  void leave() {
    while (!waiting_.empty()) {
      const auto granted = std::move(waiting_.front());
      waiting_.pop_front();
      if (granted.complete({})) return;  // else it has been cancelled meanwhile
    }
    ++free_;
  }

  std::size_t free_;
  std::deque<Completion<void>> waiting_;
};

}  // namespace weft::async
