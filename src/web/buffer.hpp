// SPDX-License-Identifier: Apache-2.0
/// A flat read buffer and the shard's small store of them, so that connections neither allocate per request nor keep
/// large buffers while they idle. Threads: one shard.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace weft::web {

inline constexpr std::size_t kSmallBuffer = std::size_t{4} * 1024;
inline constexpr std::size_t kLargeBuffer = std::size_t{64} * 1024;

struct Buffer {
  std::unique_ptr<char[]> data;
  std::size_t capacity = 0;
  std::size_t begin = 0;  ///< first byte not consumed
  std::size_t end = 0;    ///< after the last byte received

  [[nodiscard]] std::span<char> unread() noexcept { return {data.get() + begin, end - begin}; }
  [[nodiscard]] std::span<char> room() noexcept { return {data.get() + end, capacity - end}; }
  [[nodiscard]] bool empty() const noexcept { return begin == end; }
};

class BufferPool {
 public:
  /// At least `capacity` bytes.
  [[nodiscard]] Buffer take(std::size_t capacity) {
    Buffer buffer;
    auto& kept = capacity <= kSmallBuffer ? small_ : large_;
    buffer.capacity = capacity <= kSmallBuffer ? kSmallBuffer : std::max(capacity, kLargeBuffer);
    if (buffer.capacity <= kLargeBuffer && !kept.empty()) {
      buffer.data = std::move(kept.back());
      kept.pop_back();
    } else {
      buffer.data = std::make_unique_for_overwrite<char[]>(buffer.capacity);
    }
    return buffer;
  }

  void give(Buffer buffer) {
    if (buffer.capacity == kSmallBuffer && small_.size() < kKept) small_.push_back(std::move(buffer.data));
    if (buffer.capacity == kLargeBuffer && large_.size() < kKept) large_.push_back(std::move(buffer.data));
  }

 private:
  static constexpr std::size_t kKept = 64;
  std::vector<std::unique_ptr<char[]>> small_;
  std::vector<std::unique_ptr<char[]>> large_;
};

}  // namespace weft::web
