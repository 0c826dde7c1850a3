// SPDX-License-Identifier: Apache-2.0
/// A bucket of a server with a copy on this machine, so that a host knows the links and configurations of its lattice
/// while no server answers: also when it starts.
///
/// Reads come from the server while it is there, else from the copy, whose entries have revision 0. Writes go to the
/// server alone and are `unavailable` at once while it is away: what one host alone believes is nobody's state.
/// A watcher is told the copy first. on_current() comes when the copy has been told, at once if the server is away,
/// else when its content has come or `patience` is over; and again each time the server's content is complete: from the
/// second one on an entry that the server does not have is one that it has lost. What the server has lost stays in the
/// copy; what a marker says was erased leaves it, also when that happened while nobody here looked.
///
/// Ownership: shares `kept`, and the server's bucket once it is open; await close() before it goes, or stop the shard.
/// Watches end before close(). Threads: its shard, unlike other buckets. Errors: as KeyValue; a copy that cannot be
/// written is a warning in the log.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <weft/log.hpp>

#include "async/shard.hpp"
#include "async/task.hpp"
#include "bus/key_value.hpp"
#include "bus/nats_options.hpp"

namespace weft::bus {

/// The server's side.
struct MirrorSource {
  std::function<bool()> is_there;
  /// Opens the server's bucket; called again until it succeeds once.
  std::function<async::Task<std::shared_ptr<KeyValue>>()> open;
};

struct MirrorOptions {
  FirstConnect first_connect = FirstConnect::must_succeed;
  std::chrono::milliseconds patience{2'000};
  std::function<void(LogLevel level, std::string_view line)> log;
};

class MirroredKeyValue final : public KeyValue {
 public:
  /// Opens the server's bucket if the server is there; else, or if that takes longer than `patience`, goes on trying in
  /// the background. With must_succeed a server that is there has to open it: its error. Errors besides: the copy's.
  static async::Task<std::shared_ptr<MirroredKeyValue>> open(async::Shard& shard, MirrorSource source,
                                                             std::shared_ptr<KeyValue> kept, MirrorOptions options);
  ~MirroredKeyValue() override;

  /// The copy's name.
  [[nodiscard]] const std::string& name() const noexcept override;
  async::Task<std::optional<Entry>> get(std::string key) override;
  async::Task<std::vector<Entry>> list() override;
  async::Task<std::uint64_t> put(std::string key, std::string value) override;
  async::Task<std::uint64_t> create(std::string key, std::string value) override;
  async::Task<std::uint64_t> update(std::string key, std::string value, std::uint64_t expected) override;
  async::Task<void> erase(std::string key) override;
  async::Task<void> purge(std::string key) override;
  Result<std::unique_ptr<Subscription>> watch(async::Shard& shard, BucketWatcher& watcher) override;

  /// Ends trying; what the copy still has to store is stored before.
  boost::asio::awaitable<void> close();

 private:
  struct State;
  class Watch;
  explicit MirroredKeyValue(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;
};

}  // namespace weft::bus
