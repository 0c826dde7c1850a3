// SPDX-License-Identifier: Apache-2.0
/// Who watches the calls of this host, and what each has yet to be told (docs/protocol/spy.md). A session is what one
/// who watches has begun; he asks for more again and again, and is answered at once or when there is something. One
/// that nobody has asked about for kLease ends by itself, so that a watcher that died costs nothing for long.
///
/// Calls become text here, not where they happen: on the pool, and only as fast as they are asked for. What a session
/// cannot hold (kMaxSeenBytes) is dropped and counted.
/// Ownership: by the node; borrows all that it is given. Threads: the control shard. Errors: malformed (a question),
/// not_found (the session has ended, or began on the other way in), conflict (it is being asked about already),
/// resource_exhausted (kMaxSessions).
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "async/blocking_pool.hpp"
#include "async/shard.hpp"
#include "async/task.hpp"
#include "async/task_scope.hpp"
#include "host/spy/call_tap.hpp"
#include "host/spy/call_texts.hpp"
#include "wire/spy.hpp"

namespace weft::host {

class SpySessions {
 public:
  static constexpr std::chrono::milliseconds kLease{5'000};
  static constexpr std::size_t kMaxSessions = 16;
  static constexpr std::size_t kMaxSeenBytes = std::size_t{8} << 20;

  /// Where a question has come from; a session belongs to one of them.
  enum class Door : std::uint8_t {
    socket,   ///< of this machine, of the same user
    lattice,  ///< anybody who may ask there
  };
  struct World {
    async::Shard& control;
    async::BlockingPool& pool;
    CallTap& tap;
    /// The code of what runs here under that id; null: no component does.
    std::function<std::shared_ptr<const guest::LoadedComponent>(const std::string& id)> code_of;
    /// Nobody guesses it.
    std::function<std::string()> new_id;
    std::chrono::milliseconds lease = kLease;
  };

  explicit SpySessions(World world);
  ~SpySessions();
  SpySessions(const SpySessions&) = delete;
  SpySessions& operator=(const SpySessions&) = delete;

  /// Answers a wire::SpyQuestion; no answer is longer than `max_bytes`.
  async::Task<std::string> ask(std::string question, Door door, std::size_t max_bytes);
  /// From the tap.
  void take(const std::vector<SeenCall>& calls);
  [[nodiscard]] std::size_t size() const noexcept { return sessions_.size(); }
  /// Ends all sessions; whoever waits is told so.
  boost::asio::awaitable<void> close();

 private:
  struct Session;
  using Place = std::shared_ptr<Session>;

  async::Task<std::string> begin(wire::SpyQuestion question, Door door);
  async::Task<void> make_texts(Place session);
  async::Task<void> apply();
  async::Task<void> watch_leases();
  async::Task<void> remove(const std::string& id);
  [[nodiscard]] Place find(const std::string& id, Door door) const;
  [[nodiscard]] std::uint64_t dropped(const Session& session) const noexcept;

  World world_;
  std::map<std::string, Place> sessions_;
  bool is_watching_leases_ = false;
  async::TaskScope tasks_;
};

}  // namespace weft::host
