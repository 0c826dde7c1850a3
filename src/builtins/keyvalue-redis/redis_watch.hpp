// SPDX-License-Identifier: Apache-2.0
/// Follows keys of a Redis server for one component, by the server's key-space notifications (Kg$).
///
/// Ownership: by the link; owns a thread, which waits for the server, and a connection of its own. Threads: start() and
/// close() one at a time; close() waits for the thread, up to a response time-out. What changes while the connection is
/// lost is not told by the server: the log says so. A set is told with the value the key has by then; one that is gone
/// again is passed over, its deletion follows.
/// Source: data-plane facts 5.6; Redis 7.0 documentation of key-space notifications.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <weft/log.hpp>

#include "builtins/keyvalue-redis/pool.hpp"
#include "builtins/keyvalue/watch_feed.hpp"

namespace weft::builtins::keyvalue_redis {

/// What a notification means for a key. Nothing: neither a value nor its end.
enum class Event : std::uint8_t { nothing, set, erased };
[[nodiscard]] Event event_of(std::string_view name) noexcept;
/// True if the server tells of what a watch needs, by its setting notify-keyspace-events.
[[nodiscard]] bool notifies(std::string_view setting) noexcept;

class RedisWatch {
 public:
  RedisWatch(std::shared_ptr<Pool> pool, keyvalue::WatchList list, std::shared_ptr<keyvalue::WatchFeed> feed,
             std::string provider, LogSink log);
  ~RedisWatch();
  RedisWatch(const RedisWatch&) = delete;
  RedisWatch& operator=(const RedisWatch&) = delete;

  /// Errors: io (no descriptor or thread left).
  Result<void> start();
  void close();

 private:
  void run() noexcept;
  Result<void> follow();
  void take(Answer told);
  /// False: close() has been called.
  bool wait(std::chrono::milliseconds time) const;

  const std::shared_ptr<Pool> pool_;
  const keyvalue::WatchList list_;
  const std::shared_ptr<keyvalue::WatchFeed> feed_;
  const std::string provider_;
  const LogSink log_;
  std::map<std::string, std::string, std::less<>> keys_;  ///< by channel
  bool follows_ = false;
  int stop_ = -1;
  std::thread thread_;
};

}  // namespace weft::builtins::keyvalue_redis
