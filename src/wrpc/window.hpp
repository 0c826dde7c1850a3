// SPDX-License-Identifier: Apache-2.0
/// The flow control of a channel between weft hosts, of which wRPC itself has none: who receives says how much it has
/// taken, and who sends is never much more than kStreamWindow ahead of that. Counted are the bytes of the channel, with
/// whatever encoding they are in. Plain values. Threads: their shard. Source: docs/protocol/wrpc.md.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

namespace weft::wrpc {

/// In bytes. Less than what a receiver holds (BacklogLimits::each).
inline constexpr std::uint64_t kStreamWindow = 4UL << 20;

/// Of who sends.
class SendWindow {
 public:
  /// `is_used`: the other side says what it has taken; else it is always open.
  explicit SendWindow(bool is_used) noexcept : is_used_(is_used) {}

  void send(std::uint64_t bytes) noexcept { sent_ += bytes; }
  /// All that was taken so far, as the other side says: more than was sent counts as that, less than before as before.
  void acknowledge(std::uint64_t taken) noexcept { taken_ = std::clamp(taken, taken_, sent_); }
  /// Something may be sent.
  [[nodiscard]] bool is_open() const noexcept { return !is_used_ || sent_ - taken_ < kStreamWindow; }

 private:
  bool is_used_;
  std::uint64_t sent_ = 0;
  std::uint64_t taken_ = 0;
};

/// Of who receives.
class TakenCount {
 public:
  /// So much has been taken since the beginning. What is to be said, if it is worth a message.
  std::optional<std::uint64_t> update(std::uint64_t taken) noexcept {
    if (taken - told_ < kStreamWindow / 4) {
      return std::nullopt;
    }
    return told_ = taken;
  }

 private:
  std::uint64_t told_ = 0;
};

}  // namespace weft::wrpc
