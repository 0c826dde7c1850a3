// SPDX-License-Identifier: Apache-2.0
/// Buckets in one SQLite file, for a lattice on one machine.
///
/// A write is acknowledged after the transaction that holds it is on the disk; writes that wait together share one, so
/// that a thousand at once cost little more than one. What is committed is kept in memory too: reads and watches never
/// touch the disk, and go on when it is full or broken. A full disk fails the write that met it (resource_exhausted);
/// later ones work when there is room. A file found damaged while it runs takes no more writes (malformed).
/// A cancelled writer does not learn whether its write happened.
///
/// Owns the file (exclusively: one weft per file) and one thread for it. Buckets keep what they need of it alive; the
/// shards must outlive both. Threads: open() blocks, call it before the shards serve; open_bucket() any.
#pragma once

#include <memory>
#include <string>

#include "bus/memory_bus.hpp"
#include "bus/sqlite_database.hpp"

namespace weft::bus {

class SqliteStore {
 public:
  /// The file is made (mode 0600) when there is none; its folder is not. Errors: as SqliteDatabase.
  static Result<std::unique_ptr<SqliteStore>> open(const std::string& path, const SqliteOptions& options = {});
  ~SqliteStore();
  SqliteStore(const SqliteStore&) = delete;
  SqliteStore& operator=(const SqliteStore&) = delete;

  /// One bucket of a name, however often it is opened.
  async::Task<std::shared_ptr<KeyValue>> open_bucket(std::string name);
  /// For a MemoryBus that must not outlive this store.
  KeyValueFactory factory();

 private:
  struct Core;
  class Bucket;
  explicit SqliteStore(std::shared_ptr<Core> core);
  std::shared_ptr<Core> core_;
};

}  // namespace weft::bus
