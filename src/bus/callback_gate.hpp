// SPDX-License-Identifier: Apache-2.0
/// Counts what nats.c holds of ours (the state of callbacks), so that the end of a bus can wait until it holds nothing:
/// nats.c gives callbacks their last call on its own threads, some time after a handle was destroyed.
/// Shared by the passes and the bus. Threads: any.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <utility>

namespace weft::bus {

class CallbackGate : public std::enable_shared_from_this<CallbackGate> {
 public:
  /// One state in nats.c's hands: counted from enter() until it is destroyed.
  class Pass {
   public:
    explicit Pass(std::shared_ptr<CallbackGate> gate) noexcept : gate_(std::move(gate)) {}
    Pass(Pass&& other) noexcept = default;
    Pass& operator=(Pass&&) = delete;
    Pass(const Pass&) = delete;
    Pass& operator=(const Pass&) = delete;
    ~Pass() {
      if (gate_) {
        gate_->leave();
      }
    }

   private:
    std::shared_ptr<CallbackGate> gate_;
  };

  Pass enter() {
    const std::lock_guard lock(mutex_);
    ++inside_;
    return Pass(shared_from_this());
  }
  [[nodiscard]] std::size_t inside() {
    const std::lock_guard lock(mutex_);
    return inside_;
  }
  /// False when something was still inside at the end of `patience`.
  bool wait_until_empty(std::chrono::milliseconds patience) {
    std::unique_lock lock(mutex_);
    return emptied_.wait_for(lock, patience, [this] { return inside_ == 0; });
  }

 private:
  void leave() {
    const std::lock_guard lock(mutex_);
    --inside_;
    emptied_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable emptied_;
  std::size_t inside_ = 0;
};

}  // namespace weft::bus
