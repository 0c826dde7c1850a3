// SPDX-License-Identifier: Apache-2.0
/// The one file of a SqliteStore: opened, checked, locked, read and written. All of weft's use of SQLite's C interface
/// for the bus is behind this.
///
/// Write-ahead log with synchronous=FULL: what commit() has told survives a kill at any instant. Holds an exclusive
/// lock while it lives. Threads: one at a time; every function blocks.
/// Errors: unavailable (another process has it), malformed (damaged, or no store of weft), unsupported (of a newer
/// weft), resource_exhausted (disk full), permission_denied, io. After a failed write the transaction is rolled back.
/// Source: SQLite 3.40 documentation, "Write-Ahead Logging", "PRAGMA locking_mode", "How To Corrupt An SQLite
/// Database".
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "bus/key_value.hpp"

namespace weft::bus {

struct SqliteOptions {
  /// Pages of 4 KiB the file may have; 0: as many as the disk takes.
  std::int64_t max_pages = 0;
};

class SqliteDatabase {
 public:
  struct Bucket {
    std::int64_t id = 0;
    std::uint64_t revision = 0;
    std::map<std::string, Entry> entries;
  };

  static Result<SqliteDatabase> open(const std::string& path, const SqliteOptions& options);
  ~SqliteDatabase();
  SqliteDatabase(SqliteDatabase&&) noexcept;
  SqliteDatabase& operator=(SqliteDatabase&&) noexcept;

  /// Makes the bucket when there is none of that name.
  Result<Bucket> load_bucket(const std::string& name);

  Result<void> begin();
  /// Stores a put; removes the key of a marker.
  Result<void> write(std::int64_t bucket, const Entry& entry);
  Result<void> set_revision(std::int64_t bucket, std::uint64_t revision);
  Result<void> commit();
  void rollback() noexcept;

 private:
  struct Impl;
  explicit SqliteDatabase(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace weft::bus
