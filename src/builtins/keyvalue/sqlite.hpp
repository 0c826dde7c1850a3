// SPDX-License-Identifier: Apache-2.0
/// The little of SQLite that the keyvalue provider needs, as values.
///
/// Ownership: statements borrow their database. Threads: one database is used by one thread at a time.
/// Errors: io (with SQLite's own words), resource_exhausted (the disk is full).
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <weft/result.hpp>

#include "base/unique_handle.hpp"

namespace weft::builtins::keyvalue {

/// One prepared statement. Columns and parameters of text are bound as blobs: any bytes, compared as bytes.
class Statement {
 public:
  Statement() = default;
  explicit Statement(sqlite3_stmt* handle) : handle_(decltype(handle_)::adopt(handle)) {}

  Statement& bind(int index, std::string_view text);
  Statement& bind(int index, std::span<const std::byte> bytes);
  Statement& bind(int index, std::uint64_t number);

  /// True if there is a row. The statement is ready for its next run after the last row, and after an error.
  Result<bool> step();
  /// Runs a statement that gives no rows (or whose rows do not matter) and readies it for the next.
  Result<void> run();
  /// Before the last row, when the rest is not wanted.
  void reset() noexcept;

  /// Of the row at hand; views live until the next step.
  [[nodiscard]] std::span<const std::byte> bytes(int column) const;
  [[nodiscard]] std::string_view text(int column) const;
  [[nodiscard]] std::uint64_t number(int column) const;

 private:
  base::UniqueHandle<sqlite3_stmt, &sqlite3_finalize> handle_;
};

class Database {
 public:
  enum class Mode : std::uint8_t { read_write, read_only };
  static Result<Database> open(const std::string& path, Mode mode);

  Result<void> execute(const std::string& sql);
  Result<Statement> prepare(std::string_view sql);
  /// Rows that the last statement changed.
  [[nodiscard]] std::uint64_t changes() const noexcept;

 private:
  explicit Database(sqlite3* handle) : handle_(decltype(handle_)::adopt(handle)) {}
  base::UniqueHandle<sqlite3, &sqlite3_close_v2> handle_;
};

}  // namespace weft::builtins::keyvalue
