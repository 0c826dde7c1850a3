// SPDX-License-Identifier: Apache-2.0
/// Messages of nats.c that are done with. natsMsg_Destroy does not free: it queues for a thread of nats.c that does,
/// and wakes it, which costs more than all else that is done for a short message (two thirds of the futex calls of a
/// busy connection). So they are given back many at a time. Holds less than kMost messages and kMostBytes bytes between
/// calls. Threads: any. Source: nats.c 3.4.1, src/nats.c (natsGC_collect).
#pragma once

#include <cstddef>
#include <mutex>
#include <utility>
#include <vector>

#include "bus/nats_handles.hpp"

namespace weft::bus {

class NatsBin {
 public:
  static constexpr std::size_t kMost = 256;
  static constexpr std::size_t kMostBytes = 256 << 10;

  /// `bytes`: what it takes, headers included.
  void put(MessageHandle message, std::size_t bytes) {
    std::vector<MessageHandle> full;  // destroyed outside the lock
    const std::lock_guard lock(mutex_);
    bytes_ += bytes;
    messages_.push_back(std::move(message));
    if (messages_.size() >= kMost || bytes_ >= kMostBytes) {
      full.reserve(kMost);
      full.swap(messages_);
      bytes_ = 0;
    }
  }
  [[nodiscard]] std::size_t size() {
    const std::lock_guard lock(mutex_);
    return messages_.size();
  }

 private:
  std::mutex mutex_;
  std::vector<MessageHandle> messages_;
  std::size_t bytes_ = 0;
};

}  // namespace weft::bus
