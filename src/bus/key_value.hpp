// SPDX-License-Identifier: Apache-2.0
/// One bucket of keys and values with revisions: JetStream KV in a lattice, an SQLite table on one machine, memory in
/// tests. All pass the same suite (key_value_suite.hpp).
///
/// Keys match [-/_=.A-Za-z0-9]+ and neither start nor end with '.'. Revisions grow by every change of the bucket.
/// A write has been acknowledged when its Task ends: it survives `kill -9` of this process (SQLite) or is stored by the
/// server (JetStream). Errors: unavailable (no connection), deadline_exceeded (10 s), invalid_argument (key),
/// conflict (create and update), io (disk), resource_exhausted (disk full, value too large).
/// Threads: any; Tasks resume on their own executor. Source: control-plane facts 4.1; NATS ADR-8.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "async/shard.hpp"
#include "async/task.hpp"
#include "bus/subscription.hpp"

namespace weft::bus {

enum class Operation : std::uint8_t {
  put,
  erase,  ///< a delete marker ("DEL")
  purge,  ///< a purge marker
};

struct Entry {
  std::string key;
  std::string value;  ///< empty for a marker
  std::uint64_t revision = 0;
  Operation operation = Operation::put;
};

/// Follows a bucket. Called on the shard that was given to watch().
class BucketWatcher {
 public:
  virtual ~BucketWatcher() = default;
  /// First every entry there is (markers included where the store keeps them), then each change. After an outage the
  /// entries that changed meanwhile come again; an entry that the store no longer has is never told as erased. A value
  /// that was replaced before it was told may be passed over (nats-server from 2.10 on does that).
  virtual void on_entry(const Entry& entry) = 0;
  /// All entries that were there have been told: at the start, and again after every resynchronisation.
  virtual void on_current() = 0;
};

class KeyValue {
 public:
  virtual ~KeyValue() = default;
  [[nodiscard]] virtual const std::string& name() const noexcept = 0;

  /// Nothing: never put, erased or purged.
  virtual async::Task<std::optional<Entry>> get(std::string key) = 0;
  /// Every present entry, by key.
  virtual async::Task<std::vector<Entry>> list() = 0;
  /// The keys of list(), in order, without their values where the store can do so.
  virtual async::Task<std::vector<std::string>> keys();
  /// The new revision. The bytes are stored unchanged.
  virtual async::Task<std::uint64_t> put(std::string key, std::string value) = 0;
  /// Only if the key is absent (or erased); else conflict.
  virtual async::Task<std::uint64_t> create(std::string key, std::string value) = 0;
  /// Only if the key's newest revision is `expected`; else conflict.
  virtual async::Task<std::uint64_t> update(std::string key, std::string value, std::uint64_t expected) = 0;
  /// Idempotent.
  virtual async::Task<void> erase(std::string key) = 0;
  virtual async::Task<void> purge(std::string key) = 0;

  /// `watcher` is borrowed until the subscription is destroyed, which happens on `shard`.
  virtual Result<std::unique_ptr<Subscription>> watch(async::Shard& shard, BucketWatcher& watcher) = 0;
};

/// The largest value every bucket takes (what NATS allows by default); a larger one is resource_exhausted.
inline constexpr std::size_t kMaxValueBytes = 1 << 20;

/// invalid_argument unless `key` is one.
Result<void> check_key(std::string_view key);
/// invalid_argument unless `name` is one of a bucket: letters, digits, '-' and '_'.
Result<void> check_bucket_name(std::string_view name);

}  // namespace weft::bus
