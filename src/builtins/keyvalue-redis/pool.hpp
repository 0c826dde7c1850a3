// SPDX-License-Identifier: Apache-2.0
/// The connections of one configuration: each call takes one for itself, so that calls run side by side.
///
/// Ownership: shared by the links that use it and the calls under way. Threads: any; ask() blocks. Connections are made
/// when they are needed and kept. A server that is away is tried again, with growing waits, as often as the settings
/// say; calls that come within the longest of these waits after that fail at once, so that a server that is away does
/// not hold the host's threads. A command whose answer was lost is repeated only if that changes nothing (Repeat).
/// Limits: kMaxConnections; a call waits for a free one as long as for an answer. Errors: those of Connection;
/// unavailable (closed).
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <vector>
#include <weft/call_info.hpp>

#include "builtins/keyvalue-redis/connection.hpp"

namespace weft::builtins::keyvalue_redis {

/// Whether a command may be sent again when nobody knows if the server has carried it out.
enum class Repeat : std::uint8_t { allowed, never };

class Pool {
 public:
  static constexpr std::size_t kMaxConnections = 16;

  Pool(Server server, Settings settings) : server_(std::move(server)), settings_(std::move(settings)) {}

  [[nodiscard]] const Server& server() const noexcept { return server_; }
  [[nodiscard]] const Settings& settings() const noexcept { return settings_; }
  /// `call` is looked at only for whether its caller has gone; null: it stays.
  Result<Answer> ask(const CallInfo* call, std::span<const std::string_view> words, Repeat repeat);
  /// True if a server is there that lets us in.
  Result<void> look();
  /// Wakes who waits. What runs ends by itself.
  void close();

 private:
  using Clock = std::chrono::steady_clock;

  Result<Connection> take(const CallInfo* call);
  Result<Connection> connect(const CallInfo* call);
  void give(Connection connection);
  void give_up_place();

  const Server server_;
  const Settings settings_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Connection> idle_;
  std::size_t open_ = 0;  ///< idle or in use
  bool is_closed_ = false;
  Clock::time_point away_until_{};
  std::optional<Error> away_;
};

}  // namespace weft::builtins::keyvalue_redis
