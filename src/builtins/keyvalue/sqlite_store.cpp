// SPDX-License-Identifier: Apache-2.0
#include "builtins/keyvalue/sqlite_store.hpp"

#include <pthread.h>

#include <algorithm>

namespace weft::builtins::keyvalue {
namespace {

constexpr std::uint64_t kSchemaVersion = 1;
constexpr const char* kSchema =
    "BEGIN IMMEDIATE;"
    "CREATE TABLE IF NOT EXISTS entries (number INTEGER PRIMARY KEY AUTOINCREMENT, bucket BLOB NOT NULL, key BLOB NOT "
    "NULL, value BLOB NOT NULL, UNIQUE (bucket, key));"
    "CREATE INDEX IF NOT EXISTS entries_in_order ON entries (bucket, number, key);"
    "PRAGMA user_version = 1;"
    "COMMIT;";

Result<std::uint64_t> read_number(Database& database, std::string_view sql) {
  WEFT_TRY(auto statement, database.prepare(sql));
  WEFT_TRY(const bool row, statement.step());
  return row ? statement.number(0) : 0;
}

}  // namespace

Result<SqliteWriter> SqliteWriter::open(Database database) {
  SqliteWriter writer(std::move(database));
  Database& file = writer.database_;
  WEFT_TRY(writer.get_, file.prepare("SELECT value FROM entries WHERE bucket = ?1 AND key = ?2"));
  WEFT_TRY(writer.update_, file.prepare("UPDATE entries SET value = ?3 WHERE bucket = ?1 AND key = ?2"));
  WEFT_TRY(writer.insert_, file.prepare("INSERT INTO entries (bucket, key, value) VALUES (?1, ?2, ?3)"));
  WEFT_TRY(writer.erase_, file.prepare("DELETE FROM entries WHERE bucket = ?1 AND key = ?2"));
  WEFT_TRY(writer.keys_, read_number(file, "SELECT count(*) FROM entries"));
  return writer;
}

Result<Outcome<void>> SqliteWriter::set(const Limits& limits, std::string_view bucket, std::string_view key,
                                        std::span<const std::byte> value) {
  if (auto fits = check_pair(limits, key, value); !fits) return fits;
  WEFT_CHECK(update_.bind(1, bucket).bind(2, key).bind(3, value).run());
  if (database_.changes() != 0) return Outcome<void>();
  if (keys_ >= limits.max_keys) return Outcome<void>(other("the store holds as many keys as it may"));
  WEFT_CHECK(insert_.bind(1, bucket).bind(2, key).bind(3, value).run());
  ++keys_;
  return Outcome<void>();
}

Result<Outcome<void>> SqliteWriter::erase(std::string_view bucket, std::string_view key) {
  WEFT_CHECK(erase_.bind(1, bucket).bind(2, key).run());
  keys_ -= database_.changes();
  return Outcome<void>();
}

Result<Outcome<std::uint64_t>> SqliteWriter::increment(const Limits& limits, std::string_view bucket,
                                                       std::string_view key, std::uint64_t delta) {
  WEFT_TRY(const bool found, get_.bind(1, bucket).bind(2, key).step());
  std::uint64_t number = delta;
  if (found) {
    auto sum = add_to_number(get_.bytes(0), delta);
    get_.reset();
    if (!sum) return sum;
    number = *sum;
  }
  const std::string text = std::to_string(number);
  WEFT_TRY(auto stored, set(limits, bucket, key, std::as_bytes(std::span(text))));
  if (!stored) return Outcome<std::uint64_t>(std::unexpected(stored.error()));
  return Outcome<std::uint64_t>(number);
}

Result<std::unique_ptr<SqliteStore>> SqliteStore::open(const std::string& path, std::uint64_t max_total_bytes) {
  WEFT_TRY(auto database, Database::open(path, Database::Mode::read_write));
  WEFT_CHECK(database.execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"));
  WEFT_TRY(const std::uint64_t version, read_number(database, "PRAGMA user_version"));
  if (version > kSchemaVersion) {
    return Error(Errc::unsupported, path + " was written by a later version of weft",
                 "use that version or another file", Blame::operator_);
  }
  WEFT_CHECK(database.execute(kSchema));
  WEFT_TRY(const std::uint64_t page_bytes, read_number(database, "PRAGMA page_size"));
  const std::uint64_t pages =
      std::clamp<std::uint64_t>(max_total_bytes / std::max<std::uint64_t>(page_bytes, 1), 64, std::uint64_t{1} << 31U);
  WEFT_CHECK(database.execute("PRAGMA max_page_count = " + std::to_string(pages)));
  WEFT_TRY(auto writer, SqliteWriter::open(std::move(database)));
  return std::unique_ptr<SqliteStore>(new SqliteStore(path, std::move(writer)));
}

SqliteStore::SqliteStore(std::string path, SqliteWriter writer)
    : path_(std::move(path)), writer_(std::move(writer)), thread_([this] { run(); }) {}

SqliteStore::~SqliteStore() { close(); }

void SqliteStore::close() {
  {
    const std::scoped_lock lock(mutex_);
    closed_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void SqliteStore::enqueue(std::unique_ptr<Change> change) {
  {
    const std::scoped_lock lock(mutex_);
    if (!closed_ && queue_.size() < kMaxQueued) {
      queue_.push_back(std::move(change));
      wake_.notify_one();
      return;
    }
  }
  const Error refusal(Errc::resource_exhausted, "too many changes wait to be written");
  change->done(&refusal);
}

void SqliteStore::run() {
  pthread_setname_np(pthread_self(), "keyvalue");
  std::vector<std::unique_ptr<Change>> batch;
  while (true) {
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return closed_ || !queue_.empty(); });
      if (queue_.empty()) return;
      const auto end = queue_.begin() + static_cast<std::ptrdiff_t>(std::min(queue_.size(), kMaxBatch));
      batch.assign(std::make_move_iterator(queue_.begin()), std::make_move_iterator(end));
      queue_.erase(queue_.begin(), end);
    }
    commit(batch);
    batch.clear();
  }
}

void SqliteStore::commit(std::vector<std::unique_ptr<Change>>& batch) {
  const std::uint64_t keys_before = writer_.keys_;
  auto applied = apply(batch);
  if (!applied) {
    // The transaction may have ended by itself; then this fails, and nothing is lost by it.
    static_cast<void>(writer_.database_.execute("ROLLBACK"));
    writer_.keys_ = keys_before;
  }
  for (const auto& change : batch) change->done(applied ? nullptr : &applied.error());
}

Result<void> SqliteStore::apply(std::vector<std::unique_ptr<Change>>& batch) {
  Database& file = writer_.database_;
  WEFT_CHECK(file.execute("BEGIN IMMEDIATE"));
  for (const auto& change : batch) {
    const std::uint64_t keys_before = writer_.keys_;
    WEFT_CHECK(file.execute("SAVEPOINT change"));
    if (!change->run(writer_)) {
      WEFT_CHECK(file.execute("ROLLBACK TO change"));
      writer_.keys_ = keys_before;
    }
    WEFT_CHECK(file.execute("RELEASE change"));
  }
  return file.execute("COMMIT");
}

Result<std::unique_ptr<SqliteStore::Reader>> SqliteStore::take_reader() {
  {
    const std::scoped_lock lock(readers_mutex_);
    if (!readers_.empty()) {
      auto reader = std::move(readers_.back());
      readers_.pop_back();
      return reader;
    }
  }
  WEFT_TRY(auto database, Database::open(path_, Database::Mode::read_only));
  auto reader = std::make_unique<Reader>(Reader{.database = std::move(database), .get = {}, .list = {}});
  WEFT_TRY(reader->get, reader->database.prepare("SELECT value FROM entries WHERE bucket = ?1 AND key = ?2"));
  WEFT_TRY(reader->list, reader->database.prepare("SELECT number, key FROM entries WHERE bucket = ?1 AND number > ?2 "
                                                  "ORDER BY number LIMIT ?3"));
  return reader;
}

void SqliteStore::give_reader(std::unique_ptr<Reader> reader) {
  const std::scoped_lock lock(readers_mutex_);
  readers_.push_back(std::move(reader));
}

Outcome<std::optional<Value>> SqliteStore::get(std::string_view bucket, std::string_view key) {
  auto reader = take_reader();
  if (!reader) return other(reader.error().message());
  Statement& statement = (*reader)->get;
  const auto found = statement.bind(1, bucket).bind(2, key).step();
  if (!found) return other(found.error().message());
  std::optional<Value> value;
  if (*found) {
    value.emplace(statement.bytes(0));
    statement.reset();
  }
  give_reader(*std::move(reader));
  return value;
}

Outcome<bool> SqliteStore::exists(std::string_view bucket, std::string_view key) {
  const auto value = get(bucket, key);
  if (!value) return std::unexpected(value.error());
  return value->has_value();
}

Outcome<KeyPage> SqliteStore::list(std::string_view bucket, std::uint64_t after) {
  auto reader = take_reader();
  if (!reader) return other(reader.error().message());
  Statement& statement = (*reader)->list;
  // One more than a page: it tells whether there is a next one. Numbers are positive 63-bit integers.
  const std::uint64_t from = std::min<std::uint64_t>(after, std::uint64_t{INT64_MAX});
  statement.bind(1, bucket).bind(2, from).bind(3, std::uint64_t{kPageKeys + 1});
  KeyPage page;
  std::uint64_t last = after;
  while (true) {
    const auto row = statement.step();
    if (!row) return other(row.error().message());
    if (!*row) break;
    if (page.keys.size() == kPageKeys) {
      page.cursor = last;
      statement.reset();
      break;
    }
    last = statement.number(0);
    page.keys.emplace_back(statement.text(1));
  }
  give_reader(*std::move(reader));
  return page;
}

}  // namespace weft::builtins::keyvalue
