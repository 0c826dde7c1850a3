// SPDX-License-Identifier: Apache-2.0
#include "builtins/keyvalue/sqlite.hpp"

namespace weft::builtins::keyvalue {
namespace {

Error last_error(sqlite3* database, const std::string& what) {
  const int code = sqlite3_errcode(database);
  const bool full = code == SQLITE_FULL;
  return {full ? Errc::resource_exhausted : Errc::io, what + ": " + sqlite3_errmsg(database),
          full ? "make room on the disk, or raise max_total_bytes" : "check the file, its folder and their permissions",
          Blame::environment};
}

}  // namespace

Statement& Statement::bind(int index, std::string_view text) { return bind(index, std::as_bytes(std::span(text))); }

Statement& Statement::bind(int index, std::span<const std::byte> bytes) {
  // An empty span may have no address, and SQLite would bind NULL. A binding that fails shows in step().
  const void* data = bytes.empty() ? static_cast<const void*>("") : bytes.data();
  sqlite3_bind_blob64(handle_.get(), index, data, bytes.size(), SQLITE_TRANSIENT);
  return *this;
}

Statement& Statement::bind(int index, std::uint64_t number) {
  sqlite3_bind_int64(handle_.get(), index, static_cast<sqlite3_int64>(number));
  return *this;
}

Result<bool> Statement::step() {
  const int code = sqlite3_step(handle_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) {
    reset();
    return false;
  }
  Error error = last_error(sqlite3_db_handle(handle_.get()), "the database refused");
  reset();
  return error;
}

Result<void> Statement::run() {
  WEFT_TRY(const bool row, step());
  if (row) reset();
  return {};
}

void Statement::reset() noexcept {
  sqlite3_reset(handle_.get());
  sqlite3_clear_bindings(handle_.get());
}

std::span<const std::byte> Statement::bytes(int column) const {
  const void* data = sqlite3_column_blob(handle_.get(), column);
  const int size = sqlite3_column_bytes(handle_.get(), column);
  if (data == nullptr || size <= 0) return {};
  return {static_cast<const std::byte*>(data), static_cast<std::size_t>(size)};
}

std::string_view Statement::text(int column) const {
  const auto raw = bytes(column);
  return {reinterpret_cast<const char*>(raw.data()), raw.size()};
}

std::uint64_t Statement::number(int column) const {
  return static_cast<std::uint64_t>(sqlite3_column_int64(handle_.get(), column));
}

Result<Database> Database::open(const std::string& path, Mode mode) {
  const int flags = (mode == Mode::read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE) |
                    SQLITE_OPEN_NOMUTEX;
  sqlite3* handle = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &handle, flags, nullptr);
  Database database(handle);
  if (code != SQLITE_OK) return last_error(handle, "cannot open " + path);
  sqlite3_extended_result_codes(handle, 0);
  sqlite3_busy_timeout(handle, 5000);
  return database;
}

Result<void> Database::execute(const std::string& sql) {
  if (sqlite3_exec(handle_.get(), sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) {
    return last_error(handle_.get(), "the database refused");
  }
  return {};
}

Result<Statement> Database::prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v3(handle_.get(), sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT, &statement,
                         nullptr) != SQLITE_OK) {
    return last_error(handle_.get(), "the database refused a statement");
  }
  return Statement(statement);
}

std::uint64_t Database::changes() const noexcept {
  return static_cast<std::uint64_t>(sqlite3_changes64(handle_.get()));
}

}  // namespace weft::builtins::keyvalue
