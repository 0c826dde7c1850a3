// SPDX-License-Identifier: Apache-2.0
#include "bus/sqlite_store.hpp"

#include <algorithm>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "async/blocking_pool.hpp"
#include "async/completion.hpp"
#include "bus/bucket_state.hpp"

namespace weft::bus {
namespace {

/// Writes that may wait for the disk; past that they are refused.
constexpr std::size_t kMaxWaiting = 16'384;
/// What shares one transaction: enough to spread the cost of a sync thin, little enough that the first need not wait.
constexpr std::size_t kMaxBatch = 1024;
constexpr std::size_t kMaxBatchBytes = std::size_t{8} << 20;

/// A bucket as the store's thread knows it.
struct OpenBucket {
  std::int64_t id = 0;
  std::shared_ptr<BucketState> state;
};

struct Write {
  const OpenBucket* bucket = nullptr;
  Change change;
  async::Completion<std::uint64_t> done;
};

/// What a transaction would make of its buckets; decides each write on top of those before it.
class Draft {
 public:
  Result<std::optional<Entry>> decide_on(const Write& write) {
    const auto place = std::pair(write.bucket, write.change.key);
    auto found = entries_.find(place);
    if (found == entries_.end()) {
      found = entries_.emplace(place, write.bucket->state->find(write.change.key)).first;
    }
    auto& present = found->second;
    WEFT_TRY(auto entry, decide(write.change, present ? &*present : nullptr, revision(write.bucket) + 1));
    if (entry) {
      revisions_[write.bucket] = entry->revision;
      present = entry->operation == Operation::put ? entry : std::nullopt;
      changes_.emplace_back(write.bucket, *entry);
    }
    return entry;
  }
  std::uint64_t revision(const OpenBucket* bucket) {
    return revisions_.try_emplace(bucket, bucket->state->revision()).first->second;
  }
  [[nodiscard]] const auto& revisions() const { return revisions_; }
  /// Shows the changes to readers and watchers.
  void apply() {
    for (auto& [bucket, entry] : changes_) {
      bucket->state->apply(std::move(entry));
    }
  }

 private:
  std::map<std::pair<const OpenBucket*, std::string>, std::optional<Entry>> entries_;
  std::map<const OpenBucket*, std::uint64_t> revisions_;
  std::vector<std::pair<const OpenBucket*, Entry>> changes_;
};

}  // namespace

struct SqliteStore::Core {
  explicit Core(SqliteDatabase opened) : database(std::move(opened)) {}

  void enqueue(Write write) {
    const std::lock_guard lock(mutex);
    if (waiting.size() >= kMaxWaiting) {
      write.done.complete(Error(Errc::resource_exhausted, "the disk does not keep up: " + std::to_string(kMaxWaiting) +
                                                              " writes wait for the store"));
      return;
    }
    waiting.push_back(std::move(write));
    if (!flushing) {
      flushing = pool.post([this]() noexcept { flush(); });
    }
    if (!flushing) {
      waiting.back().done.complete(Error(Errc::resource_exhausted, "too much waits for the thread of the store"));
      waiting.pop_back();
    }
  }

  std::vector<Write> take_batch() {
    const std::lock_guard lock(mutex);
    std::vector<Write> batch;
    std::size_t bytes = 0;
    while (!waiting.empty() && batch.size() < kMaxBatch && bytes < kMaxBatchBytes) {
      bytes += waiting.front().change.value.size();
      batch.push_back(std::move(waiting.front()));
      waiting.pop_front();
    }
    flushing = !batch.empty();
    return batch;
  }

  void flush() noexcept {
    for (auto batch = take_batch(); !batch.empty(); batch = take_batch()) {
      store(std::move(batch));
    }
  }

  void store(std::vector<Write> batch) {
    auto failure = try_store(batch);
    if (!failure) {
      return;
    }
    if (failure->code() == Errc::malformed) {
      broken = *failure;
    }
    if (batch.size() == 1) {
      batch.front().done.complete(*std::move(failure));
      return;
    }
    // One of them may be what the disk has no room for; the others need not fail with it.
    for (auto& write : batch) {
      std::vector<Write> alone;
      alone.push_back(std::move(write));
      store(std::move(alone));
    }
  }

  /// Nothing: stored, shown and acknowledged.
  std::optional<Error> try_store(const std::vector<Write>& batch) {
    if (broken) {
      return broken;
    }
    Draft draft;
    std::vector<Result<std::uint64_t>> outcomes;
    if (auto written = write_all(batch, draft, outcomes); !written) {
      database.rollback();
      return std::move(written).error();
    }
    draft.apply();
    for (std::size_t i = 0; i < batch.size(); ++i) {
      batch[i].done.complete(std::move(outcomes[i]));
    }
    return std::nullopt;
  }

  Result<void> write_all(const std::vector<Write>& batch, Draft& draft, std::vector<Result<std::uint64_t>>& outcomes) {
    WEFT_CHECK(database.begin());
    for (const auto& write : batch) {
      auto entry = draft.decide_on(write);
      if (!entry) {
        outcomes.emplace_back(std::move(entry).error());
        continue;
      }
      if (*entry) {
        WEFT_CHECK(database.write(write.bucket->id, **entry));
      }
      outcomes.emplace_back(draft.revision(write.bucket));
    }
    for (const auto& [bucket, revision] : draft.revisions()) {
      WEFT_CHECK(database.set_revision(bucket->id, revision));
    }
    return database.commit();
  }

  Result<const OpenBucket*> find_bucket(const std::string& name) {
    if (const auto found = buckets.find(name); found != buckets.end()) {
      return &found->second;
    }
    WEFT_TRY(auto loaded, database.load_bucket(name));
    auto state = std::make_shared<BucketState>(name, loaded.revision, std::move(loaded.entries));
    return &buckets.emplace(name, OpenBucket{.id = loaded.id, .state = std::move(state)}).first->second;
  }

  // Of the store's thread.
  SqliteDatabase database;
  std::map<std::string, OpenBucket> buckets;
  std::optional<Error> broken;
  // Of any thread.
  std::mutex mutex;
  std::deque<Write> waiting;
  bool flushing = false;
  // The last member: its destructor ends the thread before what the thread uses goes.
  async::BlockingPool pool{"store", 1};
};

class SqliteStore::Bucket final : public KeyValue {
 public:
  Bucket(std::shared_ptr<Core> core, const OpenBucket* bucket) : core_(std::move(core)), bucket_(bucket) {}

  [[nodiscard]] const std::string& name() const noexcept override { return bucket_->state->name(); }
  async::Task<std::optional<Entry>> get(std::string key) override {
    WEFT_CO_CHECK(check_key(key));
    co_return bucket_->state->find(key);
  }
  async::Task<std::vector<Entry>> list() override { co_return bucket_->state->list(); }
  async::Task<std::uint64_t> put(std::string key, std::string value) override {
    return write({.key = std::move(key), .value = std::move(value), .expected = {}});
  }
  async::Task<std::uint64_t> create(std::string key, std::string value) override {
    return write({.key = std::move(key), .value = std::move(value), .expected = 0});
  }
  async::Task<std::uint64_t> update(std::string key, std::string value, std::uint64_t expected) override {
    return write({.key = std::move(key), .value = std::move(value), .expected = expected});
  }
  async::Task<void> erase(std::string key) override { return remove(std::move(key), Operation::erase); }
  async::Task<void> purge(std::string key) override { return remove(std::move(key), Operation::purge); }
  Result<std::unique_ptr<Subscription>> watch(async::Shard& shard, BucketWatcher& watcher) override {
    return bucket_->state->watch(shard, watcher);
  }

 private:
  async::Task<std::uint64_t> write(Change change) {
    WEFT_CO_CHECK(check_change(change));
    const auto begin = [this, &change](const async::Completion<std::uint64_t>& done) {
      core_->enqueue({.bucket = bucket_, .change = std::move(change), .done = done});
    };
    co_return co_await async::wait_for_completion<std::uint64_t>(begin);
  }
  async::Task<void> remove(std::string key, Operation operation) {
    WEFT_CO_CHECK(co_await write({.key = std::move(key), .value = {}, .operation = operation, .expected = {}}));
    co_return Result<void>();
  }

  std::shared_ptr<Core> core_;
  const OpenBucket* bucket_;
};

SqliteStore::SqliteStore(std::shared_ptr<Core> core) : core_(std::move(core)) {}
SqliteStore::~SqliteStore() = default;

Result<std::unique_ptr<SqliteStore>> SqliteStore::open(const std::string& path, const SqliteOptions& options) {
  WEFT_TRY(auto database, SqliteDatabase::open(path, options));
  return std::unique_ptr<SqliteStore>(new SqliteStore(std::make_shared<Core>(std::move(database))));
}

async::Task<std::shared_ptr<KeyValue>> SqliteStore::open_bucket(std::string name) {
  WEFT_CO_CHECK(check_bucket_name(name));
  const auto core = core_;
  WEFT_CO_TRY(const auto* bucket,
              co_await core->pool.run([core = core.get(), name] { return core->find_bucket(name); }));
  co_return std::make_shared<Bucket>(core, bucket);
}

KeyValueFactory SqliteStore::factory() {
  return [this](std::string name) { return open_bucket(std::move(name)); };
}

}  // namespace weft::bus
