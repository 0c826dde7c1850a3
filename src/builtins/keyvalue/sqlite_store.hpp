// SPDX-License-Identifier: Apache-2.0
/// Buckets of keys and values in one SQLite file: what is answered has reached the disk.
///
/// All changes go through one thread, which commits what has gathered at once (write-ahead log, full synchronisation):
/// many writers share one sync. Reads run beside it on connections of their own and see every change that has been
/// answered. Ownership: owns its thread and connections; replies of changes that still wait when it is closed are
/// answered after they are done. Threads: change() and close() any; the read functions block, on any thread. Errors:
/// those of the interface; the database's own come as other(text). Limits: kMaxQueued changes wait; Limits.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>
#include <weft/reply.hpp>

#include "builtins/keyvalue/sqlite.hpp"
#include "builtins/keyvalue/types.hpp"

namespace weft::builtins::keyvalue {

/// One transaction's view of the file, on the writer's thread. Errors of the database are Error, those of the interface
/// are in the Outcome.
class SqliteWriter {
 public:
  static Result<SqliteWriter> open(Database database);

  Result<Outcome<void>> set(const Limits& limits, std::string_view bucket, std::string_view key,
                            std::span<const std::byte> value);
  Result<Outcome<void>> erase(std::string_view bucket, std::string_view key);
  Result<Outcome<std::uint64_t>> increment(const Limits& limits, std::string_view bucket, std::string_view key,
                                           std::uint64_t delta);

 private:
  friend class SqliteStore;
  explicit SqliteWriter(Database database) : database_(std::move(database)) {}

  Database database_;
  Statement get_;
  Statement update_;
  Statement insert_;
  Statement erase_;
  std::uint64_t keys_ = 0;
};

class SqliteStore {
 public:
  static constexpr std::size_t kMaxQueued = 10'000;
  static constexpr std::size_t kMaxBatch = 256;

  /// Errors: io, unsupported (a file of a later version).
  static Result<std::unique_ptr<SqliteStore>> open(const std::string& path, std::uint64_t max_total_bytes);
  ~SqliteStore();
  SqliteStore(const SqliteStore&) = delete;
  SqliteStore& operator=(const SqliteStore&) = delete;

  /// Queues a change: all of it happens, or nothing. The reply is sent when it is on the disk.
  template <class T>
  void change(Reply<Outcome<T>> reply, std::move_only_function<Result<Outcome<T>>(SqliteWriter&)> work);
  /// Does what waits, and refuses more.
  void close();

  Outcome<std::optional<Value>> get(std::string_view bucket, std::string_view key);
  Outcome<bool> exists(std::string_view bucket, std::string_view key);
  Outcome<KeyPage> list(std::string_view bucket, std::uint64_t after);

 private:
  /// One change of the queue. run() within the transaction; done() after its end, with the error it ended in.
  class Change {
   public:
    virtual ~Change() = default;
    /// False: the change is undone.
    virtual bool run(SqliteWriter& writer) = 0;
    virtual void done(const Error* failed) = 0;
  };
  template <class T>
  class TypedChange;
  struct Reader {
    Database database;
    Statement get;
    Statement list;
  };

  SqliteStore(std::string path, SqliteWriter writer);
  void enqueue(std::unique_ptr<Change> change);
  void run();
  void commit(std::vector<std::unique_ptr<Change>>& batch);
  Result<void> apply(std::vector<std::unique_ptr<Change>>& batch);
  Result<std::unique_ptr<Reader>> take_reader();
  void give_reader(std::unique_ptr<Reader> reader);

  std::string path_;
  SqliteWriter writer_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::unique_ptr<Change>> queue_;
  bool closed_ = false;
  std::mutex readers_mutex_;
  std::vector<std::unique_ptr<Reader>> readers_;
  std::thread thread_;
};

template <class T>
class SqliteStore::TypedChange final : public Change {
 public:
  TypedChange(Reply<Outcome<T>> reply, std::move_only_function<Result<Outcome<T>>(SqliteWriter&)> work)
      : reply_(std::move(reply)), work_(std::move(work)) {}

  bool run(SqliteWriter& writer) override {
    if (reply_.is_cancelled()) return false;
    auto result = work_(writer);
    outcome_ = result ? *std::move(result) : Outcome<T>(other(result.error().message()));
    return outcome_->has_value();
  }
  void done(const Error* failed) override {
    if (failed != nullptr) {
      reply_.send(Outcome<T>(other(failed->message())));
    } else if (outcome_) {
      reply_.send(*std::move(outcome_));
    }
  }

 private:
  Reply<Outcome<T>> reply_;
  std::move_only_function<Result<Outcome<T>>(SqliteWriter&)> work_;
  std::optional<Outcome<T>> outcome_;
};

template <class T>
void SqliteStore::change(Reply<Outcome<T>> reply, std::move_only_function<Result<Outcome<T>>(SqliteWriter&)> work) {
  enqueue(std::make_unique<TypedChange<T>>(std::move(reply), std::move(work)));
}

}  // namespace weft::builtins::keyvalue
