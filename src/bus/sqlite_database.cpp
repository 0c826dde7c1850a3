// SPDX-License-Identifier: Apache-2.0
#include "bus/sqlite_database.hpp"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>

#include "base/unique_handle.hpp"

namespace weft::bus {
namespace {

using Connection = base::UniqueHandle<sqlite3, &sqlite3_close_v2>;
using StatementHandle = base::UniqueHandle<sqlite3_stmt, &sqlite3_finalize>;

constexpr std::int64_t kApplicationId = 0x77656674;  // "weft"
constexpr std::int64_t kSchemaVersion = 1;
constexpr const char* kSchema =
    "CREATE TABLE bucket(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, revision INTEGER NOT NULL) STRICT;"
    "CREATE TABLE entry(bucket INTEGER NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, revision INTEGER NOT NULL,"
    " UNIQUE(bucket, key)) STRICT;"
    "PRAGMA application_id=2003134068;"
    "PRAGMA user_version=1;";
constexpr int kLockPatienceMs = 1'000;
constexpr const char* kWayOut =
    "move the file and its '-wal' beside it away, or start with another --data-dir; nothing in it was changed";

/// The errno of the last failed operation on the database or its log; what sqlite3_system_errno() says of a failed
/// write has often been overwritten by the rollback. SQLite itself knows only ENOSPC for a full disk.
bool has_failed_with_full_disk(sqlite3* connection) {
  const auto is_full = [](int number) { return number == ENOSPC || number == EFBIG || number == EDQUOT; };
  int of_database = 0;
  sqlite3_file_control(connection, "main", SQLITE_FCNTL_LAST_ERRNO, &of_database);
  sqlite3_file* log = nullptr;
  sqlite3_file_control(connection, "main", SQLITE_FCNTL_JOURNAL_POINTER, static_cast<void*>(&log));
  int of_log = 0;
  if (log != nullptr && log->pMethods != nullptr) {
    log->pMethods->xFileControl(log, SQLITE_FCNTL_LAST_ERRNO, &of_log);
  }
  return is_full(of_database) || is_full(of_log);
}

bool is_disk_full(sqlite3* connection, int code) {
  return (code & 0xff) == SQLITE_FULL || (code == SQLITE_IOERR_WRITE && has_failed_with_full_disk(connection));
}

Error malformed(const std::string& path, std::string_view why) {
  return {Errc::malformed, "the store '" + path + "' is damaged: " + std::string(why), kWayOut, Blame::environment};
}

}  // namespace

struct SqliteDatabase::Impl {
  std::string path;
  Connection connection;
  // Finalized before the connection closes.
  StatementHandle put;
  StatementHandle erase;
  StatementHandle revision;

  [[nodiscard]] Error error(int code, const std::string& doing) const {
    const int system_error = sqlite3_system_errno(connection.get());
    const std::string why = sqlite3_errmsg(connection.get());
    const std::string text = "cannot " + doing + " the store '" + path + "': " + why;
    if (is_disk_full(connection.get(), code)) {
      return {Errc::resource_exhausted, "the disk is full: " + text, "make room; the store goes on by itself then",
              Blame::environment};
    }
    switch (code & 0xff) {
      case SQLITE_BUSY:
      case SQLITE_LOCKED:
        return {Errc::unavailable, "another weft runs on the store '" + path + "'",
                "stop it, or start with another --data-dir", Blame::operator_};
      case SQLITE_CORRUPT:
      case SQLITE_NOTADB:
        return malformed(path, why);
      case SQLITE_PERM:
      case SQLITE_AUTH:
      case SQLITE_READONLY:
        return {Errc::permission_denied, text, {}, Blame::environment};
      case SQLITE_NOMEM:
        return {Errc::resource_exhausted, text, {}, Blame::environment};
      default:
        return {Errc::io,
                text + (system_error != 0 ? std::string(" (") + std::strerror(system_error) + ")" : ""),
                {},
                Blame::environment};
    }
  }

  Result<void> execute(const char* sql, const std::string& doing) const {
    if (const int code = sqlite3_exec(connection.get(), sql, nullptr, nullptr, nullptr); code != SQLITE_OK) {
      return error(code, doing);
    }
    return {};
  }

  Result<StatementHandle> prepare(std::string_view sql) const {
    sqlite3_stmt* statement = nullptr;
    const int code = sqlite3_prepare_v3(connection.get(), sql.data(), static_cast<int>(sql.size()),
                                        SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
    if (code != SQLITE_OK) {
      return error(code, "read");
    }
    return StatementHandle::adopt(statement);
  }

  /// The first column of the first row; nothing if there is none.
  Result<std::string> first_text(std::string_view sql) const {
    WEFT_TRY(const auto statement, prepare(sql));
    const int code = sqlite3_step(statement.get());
    if (code != SQLITE_ROW && code != SQLITE_DONE) {
      return error(code, "read");
    }
    const auto* text = code == SQLITE_ROW ? sqlite3_column_text(statement.get(), 0) : nullptr;
    return text == nullptr ? std::string() : std::string(reinterpret_cast<const char*>(text));
  }

  Result<std::int64_t> first_number(std::string_view sql) const {
    WEFT_TRY(const auto statement, prepare(sql));
    if (const int code = sqlite3_step(statement.get()); code != SQLITE_ROW) {
      return error(code, "read");
    }
    return sqlite3_column_int64(statement.get(), 0);
  }

  /// Runs a statement that gives no rows, and leaves it ready for the next time.
  [[nodiscard]] Result<void> run(const StatementHandle& statement) const {
    const int code = sqlite3_step(statement.get());
    std::optional<Error> failure;
    if (code != SQLITE_DONE) {
      failure = error(code, "write to");
    }
    sqlite3_reset(statement.get());
    sqlite3_clear_bindings(statement.get());
    if (failure) {
      return *std::move(failure);
    }
    return {};
  }

  Result<void> connect();
  Result<void> lock();
  Result<bool> check();
  Result<void> set_up(bool is_fresh, const SqliteOptions& options);
  Result<void> prepare_writes();
};

namespace {

void bind(const StatementHandle& statement, int place, std::int64_t value) {
  sqlite3_bind_int64(statement.get(), place, value);
}

void bind_text(const StatementHandle& statement, int place, const std::string& value) {
  sqlite3_bind_text64(statement.get(), place, value.data(), value.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
}

void bind_blob(const StatementHandle& statement, int place, const std::string& value) {
  sqlite3_bind_blob64(statement.get(), place, value.data(), value.size(), SQLITE_TRANSIENT);
}

std::string column_bytes(const StatementHandle& statement, int place) {
  const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement.get(), place));
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement.get(), place));
  return bytes == nullptr ? std::string() : std::string(bytes, size);
}

/// Made here, so that only its owner reads it. One that exists is not even opened: closing any descriptor of it would
/// give up the locks that another connection of this process has (fcntl locks are the process's).
Result<void> create_private_file(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (descriptor >= 0) {
    ::close(descriptor);
    return {};
  }
  if (errno == EEXIST) {
    return {};
  }
  const int reason = errno;
  const Errc code = reason == EACCES || reason == EROFS || reason == EPERM ? Errc::permission_denied
                    : reason == ENOSPC || reason == EDQUOT                 ? Errc::resource_exhausted
                                                                           : Errc::io;
  return Error(code, "cannot create the store '" + path + "': " + std::strerror(reason), {}, Blame::environment);
}

}  // namespace

Result<void> SqliteDatabase::Impl::connect() {
  WEFT_CHECK(create_private_file(path));
  sqlite3* opened = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &opened, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
  connection = Connection::adopt(opened);
  if (opened == nullptr) {
    return Error(Errc::resource_exhausted, "out of memory while opening the store '" + path + "'");
  }
  if (code != SQLITE_OK) {
    return error(code, "open");
  }
  sqlite3_extended_result_codes(opened, 1);
  sqlite3_db_config(opened, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  // Until all checks are passed, closing writes nothing either.
  sqlite3_db_config(opened, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  return {};
}

Result<void> SqliteDatabase::Impl::lock() {
  // One that was killed holds its lock until the system has cleared it away, which takes milliseconds.
  sqlite3_busy_timeout(connection.get(), kLockPatienceMs);
  // In this mode a lock, once taken, is kept until the connection closes.
  WEFT_CHECK(execute("PRAGMA locking_mode=EXCLUSIVE; PRAGMA cell_size_check=ON", "open"));
  return execute("BEGIN EXCLUSIVE", "lock");
}

/// True: nothing in it yet.
Result<bool> SqliteDatabase::Impl::check() {
  WEFT_TRY(const auto application, first_number("PRAGMA application_id"));
  WEFT_TRY(const auto version, first_number("PRAGMA user_version"));
  WEFT_TRY(const auto tables, first_number("SELECT count(*) FROM sqlite_schema"));
  if (application == 0 && version == 0 && tables == 0) {
    return true;
  }
  if (application != kApplicationId) {
    return Error(Errc::malformed, "the file '" + path + "' is no store of weft", kWayOut, Blame::operator_);
  }
  if (version != kSchemaVersion) {
    return Error(Errc::unsupported,
                 "the store '" + path + "' was written by a newer weft: it has version " + std::to_string(version) +
                     ", and this weft knows version " + std::to_string(kSchemaVersion),
                 "run that weft, or start with another --data-dir", Blame::operator_);
  }
  WEFT_TRY(const auto verdict, first_text("PRAGMA quick_check(1)"));
  if (verdict != "ok") {
    return malformed(path, verdict);
  }
  return false;
}

Result<void> SqliteDatabase::Impl::set_up(bool is_fresh, const SqliteOptions& options) {
  WEFT_CHECK(execute("COMMIT", "open"));
  WEFT_TRY(const auto mode, first_text("PRAGMA journal_mode=WAL"));
  if (mode != "wal") {
    return Error(Errc::io, "the store '" + path + "' lies on a file system that cannot keep a write-ahead log",
                 "start with a --data-dir on a local disk", Blame::environment);
  }
  WEFT_CHECK(execute("PRAGMA synchronous=FULL; PRAGMA journal_size_limit=4194304", "open"));
  if (options.max_pages > 0) {
    WEFT_CHECK(execute(("PRAGMA max_page_count=" + std::to_string(options.max_pages)).c_str(), "open"));
  }
  if (is_fresh) {
    const std::string script = std::string("BEGIN;") + kSchema + "COMMIT";
    WEFT_CHECK(execute(script.c_str(), "set up"));
  }
  sqlite3_db_config(connection.get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, nullptr);
  return prepare_writes();
}

Result<void> SqliteDatabase::Impl::prepare_writes() {
  WEFT_TRY(put, prepare("INSERT INTO entry(bucket, key, value, revision) VALUES(?1, ?2, ?3, ?4)"
                        " ON CONFLICT(bucket, key) DO UPDATE SET value=excluded.value, revision=excluded.revision"));
  WEFT_TRY(erase, prepare("DELETE FROM entry WHERE bucket=?1 AND key=?2"));
  WEFT_TRY(revision, prepare("UPDATE bucket SET revision=?2 WHERE id=?1"));
  return {};
}

SqliteDatabase::SqliteDatabase(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
SqliteDatabase::~SqliteDatabase() = default;
SqliteDatabase::SqliteDatabase(SqliteDatabase&&) noexcept = default;
SqliteDatabase& SqliteDatabase::operator=(SqliteDatabase&&) noexcept = default;

Result<SqliteDatabase> SqliteDatabase::open(const std::string& path, const SqliteOptions& options) {
  auto impl = std::make_unique<Impl>();
  impl->path = path;
  WEFT_CHECK(impl->connect());
  WEFT_CHECK(impl->lock());
  WEFT_TRY(const bool is_fresh, impl->check());
  WEFT_CHECK(impl->set_up(is_fresh, options));
  return SqliteDatabase(std::move(impl));
}

Result<SqliteDatabase::Bucket> SqliteDatabase::load_bucket(const std::string& name) {
  WEFT_TRY(const auto make, impl_->prepare("INSERT INTO bucket(name, revision) VALUES(?1, 0) ON CONFLICT DO NOTHING"));
  bind_text(make, 1, name);
  WEFT_CHECK(impl_->run(make));
  WEFT_TRY(const auto find, impl_->prepare("SELECT id, revision FROM bucket WHERE name=?1"));
  bind_text(find, 1, name);
  if (const int code = sqlite3_step(find.get()); code != SQLITE_ROW) {
    return impl_->error(code, "read");
  }
  Bucket bucket{.id = sqlite3_column_int64(find.get(), 0),
                .revision = static_cast<std::uint64_t>(sqlite3_column_int64(find.get(), 1)),
                .entries = {}};
  WEFT_TRY(const auto entries, impl_->prepare("SELECT key, value, revision FROM entry WHERE bucket=?1"));
  bind(entries, 1, bucket.id);
  int code = sqlite3_step(entries.get());
  for (; code == SQLITE_ROW; code = sqlite3_step(entries.get())) {
    Entry entry{.key = column_bytes(entries, 0),
                .value = column_bytes(entries, 1),
                .revision = static_cast<std::uint64_t>(sqlite3_column_int64(entries.get(), 2))};
    std::string key = entry.key;
    bucket.entries.insert_or_assign(std::move(key), std::move(entry));
  }
  if (code != SQLITE_DONE) {
    return impl_->error(code, "read");
  }
  return bucket;
}

Result<void> SqliteDatabase::begin() { return impl_->execute("BEGIN", "write to"); }

Result<void> SqliteDatabase::write(std::int64_t bucket, const Entry& entry) {
  const bool is_put = entry.operation == Operation::put;
  const auto& statement = is_put ? impl_->put : impl_->erase;
  bind(statement, 1, bucket);
  bind_text(statement, 2, entry.key);
  if (is_put) {
    bind_blob(statement, 3, entry.value);
    bind(statement, 4, static_cast<std::int64_t>(entry.revision));
  }
  return impl_->run(statement);
}

Result<void> SqliteDatabase::set_revision(std::int64_t bucket, std::uint64_t revision) {
  bind(impl_->revision, 1, bucket);
  bind(impl_->revision, 2, static_cast<std::int64_t>(revision));
  return impl_->run(impl_->revision);
}

Result<void> SqliteDatabase::commit() { return impl_->execute("COMMIT", "write to"); }

void SqliteDatabase::rollback() noexcept {
  // SQLite has often rolled back by itself when a statement failed.
  if (sqlite3_get_autocommit(impl_->connection.get()) == 0) {
    sqlite3_exec(impl_->connection.get(), "ROLLBACK", nullptr, nullptr, nullptr);
  }
}

}  // namespace weft::bus
