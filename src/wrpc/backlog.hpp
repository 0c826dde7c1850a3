// SPDX-License-Identifier: Apache-2.0
/// What has come of a stream or body and its reader has not taken. A peer that is no weft host heeds no window
/// (window.hpp) and sends as fast as it can, so this is bounded: each may keep some bytes in any case, and beyond those
/// all of a shard share more. Who is slow for a while then loses nothing, and many who read nothing take no more than
/// that.
///
/// Ownership: a Backlog by its stream; the room is shared, because a stream may outlive its endpoint. Threads: the
/// shard.
#pragma once

#include <weft/error.hpp>
#include <weft/log.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace weft::wrpc {

struct BacklogLimits {
  std::size_t each = std::size_t{16} << 20;     ///< bytes that any stream may keep
  std::size_t shared = std::size_t{128} << 20;  ///< bytes beyond those, of all streams of a shard
};

class BacklogRoom {
 public:
  /// `log` is told when a stream breaks off, at most once a second.
  explicit BacklogRoom(BacklogLimits limits, LogSink log = {})
      : limits_(limits), left_(limits.shared), log_(std::move(log)) {}
  /// Why `what`, "the body", breaks off.
  [[nodiscard]] Error refusal(std::string_view what);

 private:
  friend class Backlog;
  const BacklogLimits limits_;
  std::size_t left_;  ///< of what is shared
  LogSink log_;
  std::chrono::steady_clock::time_point quiet_until_;
};

class Backlog {
 public:
  explicit Backlog(std::shared_ptr<BacklogRoom> room) : room_(std::move(room)) {}
  ~Backlog() { clear(); }
  Backlog(const Backlog&) = delete;
  Backlog& operator=(const Backlog&) = delete;

  /// False, and nothing is added, if there is no room.
  [[nodiscard]] bool add(std::string_view bytes) {
    const auto size = bytes_.size() + bytes.size();
    const auto beyond = size - std::min(size, room_->limits_.each);
    const auto more = beyond - std::min(beyond, borrowed_);
    if (more > room_->left_) {
      return false;
    }
    room_->left_ -= more;
    borrowed_ += more;
    bytes_ += bytes;
    return true;
  }
  /// Whatever its size: it came in one piece, which others bound.
  void set(std::string bytes) {
    clear();
    bytes_ = std::move(bytes);
  }
  [[nodiscard]] std::string take() {
    room_->left_ += std::exchange(borrowed_, 0);
    return std::exchange(bytes_, {});
  }
  void clear() { static_cast<void>(take()); }
  [[nodiscard]] bool empty() const noexcept { return bytes_.empty(); }
  [[nodiscard]] std::size_t size() const noexcept { return bytes_.size(); }
  [[nodiscard]] Error refusal(std::string_view what) const { return room_->refusal(what); }

 private:
  std::shared_ptr<BacklogRoom> room_;
  std::string bytes_;
  std::size_t borrowed_ = 0;  ///< of what is shared
};

}  // namespace weft::wrpc
