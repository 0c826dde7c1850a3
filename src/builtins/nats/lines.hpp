// SPDX-License-Identifier: Apache-2.0
/// The connections of one provider on NATS: links with equal Access share one. All they do runs on one thread of the
/// provider's own, so that a provider works in a host and alone in a process, and no server's delay reaches a shard.
///
/// Ownership: Lines owns the thread and the connections; links hold a Line by a shared pointer and give it back. Who
/// holds one longer (a call under way) finds it closed: spawn() then drops the task unrun. Threads: take(), give_back()
/// and close() may block, one at a time, never on the line's own thread; the rest of Line any.
/// A server that is away when a link comes does not refuse it: its calls are `unavailable` until it is there, which is
/// noticed by itself. Errors of take(): permission_denied (the server knows the credentials and says no),
/// invalid_argument and io (certificates, URLs).
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "async/shard.hpp"
#include "async/task_scope.hpp"
#include "builtins/nats/access.hpp"
#include "bus/nats_bus.hpp"

namespace weft::builtins::nats {

/// What a task of a line is: a call, which close() lets end, or what runs as long as the line does.
enum class Work : std::uint8_t { call, service };

class Line : public std::enable_shared_from_this<Line> {
 public:
  /// Calls that still run when a line is closed have so long to end by themselves.
  static constexpr std::chrono::milliseconds kGrace{2'000};

  Line(async::Shard& shard, Access access, std::unique_ptr<bus::NatsBus> bus);
  ~Line();
  Line(const Line&) = delete;
  Line& operator=(const Line&) = delete;

  [[nodiscard]] async::Shard& shard() noexcept { return shard_; }
  /// Alive while a task of this line runs, and until close().
  [[nodiscard]] bus::NatsBus& bus() noexcept { return *bus_; }
  /// Unavailable while there is no connection. As bus().
  [[nodiscard]] Result<void> check_connected() const;
  [[nodiscard]] const Access& access() const noexcept { return access_; }
  void spawn(std::string name, async::Task<void> task, Work work = Work::call);
  /// Runs `work` on the line's thread and waits for it: where subscriptions are destroyed.
  void on_shard(std::function<void()> work);
  void close();

 private:
  async::Shard& shard_;
  const Access access_;
  std::unique_ptr<bus::NatsBus> bus_;
  std::unique_ptr<async::TaskScope> scope_;
  std::mutex mutex_;
  std::condition_variable idle_;
  std::size_t running_ = 0;
  bool is_closed_ = false;
};

class Lines {
 public:
  /// `name` is what the server shows of the connections, `provider` who is named in the log.
  Lines(std::string name, std::string provider, LogSink log);
  ~Lines();
  Lines(const Lines&) = delete;
  Lines& operator=(const Lines&) = delete;

  Result<std::shared_ptr<Line>> take(const Access& access);
  void give_back(const std::shared_ptr<Line>& line);
  /// All of them, however often they were taken.
  void close();
  [[nodiscard]] std::size_t size() const noexcept { return used_.size(); }

 private:
  struct Used {
    std::shared_ptr<Line> line;
    std::size_t times = 0;
  };
  Result<std::unique_ptr<bus::NatsBus>> connect(const Access& access) const;

  const std::string name_;
  const std::string provider_;
  const LogSink log_;
  async::Shard shard_{0};
  std::map<Access, Used> used_;
  bool is_closed_ = false;
};

}  // namespace weft::builtins::nats
