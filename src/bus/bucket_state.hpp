// SPDX-License-Identifier: Apache-2.0
/// The present content of one bucket in memory, and who follows it: all of a MemoryKeyValue, and what an SqliteKeyValue
/// has committed. Keeps no markers: an erased key is simply gone.
///
/// Threads: any, one lock inside. Followers hear of changes in the order of apply().
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "bus/key_value.hpp"
#include "bus/shard_queue.hpp"

namespace weft::bus {

/// A wish to change one key.
struct Change {
  std::string key;
  std::string value;
  Operation operation = Operation::put;
  /// Only if the key's revision is this; 0: only if it is absent.
  std::optional<std::uint64_t> expected;
};

/// What a change comes to: conflict, or nothing to do (erasing what is absent), or the entry with its new revision.
/// `present` is the key's entry now, or null.
Result<std::optional<Entry>> decide(const Change& change, const Entry* present, std::uint64_t next_revision);
/// invalid_argument and resource_exhausted.
Result<void> check_change(const Change& change);

/// What a follower is told next: an entry, or that the store's content is complete.
struct BucketEvent {
  std::optional<Entry> entry;
};
/// Forgets the entries that later ones of the same key replace, for a follower that has fallen behind.
void compact(std::deque<BucketEvent>& events);

class BucketState : public std::enable_shared_from_this<BucketState> {
 public:
  explicit BucketState(std::string name) : name_(std::move(name)) {}
  /// As it was stored.
  BucketState(std::string name, std::uint64_t revision, std::map<std::string, Entry> entries)
      : name_(std::move(name)), revision_(revision), entries_(std::move(entries)) {}

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] std::optional<Entry> find(const std::string& key) const;
  [[nodiscard]] std::vector<Entry> list() const;
  /// The newest revision.
  [[nodiscard]] std::uint64_t revision() const;

  /// Decides and applies in one step. The newest revision after it.
  Result<std::uint64_t> change(const Change& change);
  /// Makes an entry of decide() present, or a marker's key absent.
  void apply(Entry entry);

  std::unique_ptr<Subscription> watch(async::Shard& shard, BucketWatcher& watcher);

 private:
  using EventQueue = ShardQueue<BucketEvent>;
  void apply_locked(Entry entry);

  std::string name_;
  mutable std::mutex mutex_;
  std::uint64_t revision_ = 0;
  std::map<std::string, Entry> entries_;
  std::uint64_t next_follower_ = 1;
  std::map<std::uint64_t, std::shared_ptr<EventQueue>> followers_;
};

}  // namespace weft::bus
