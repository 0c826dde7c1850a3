// SPDX-License-Identifier: Apache-2.0
#include "bus/memory_key_value.hpp"

#include <map>
#include <mutex>
#include <utility>

namespace weft::bus {

async::Task<std::vector<std::string>> KeyValue::keys() {
  WEFT_CO_TRY(auto entries, co_await list());
  std::vector<std::string> keys;
  keys.reserve(entries.size());
  for (auto& entry : entries) {
    keys.push_back(std::move(entry.key));
  }
  co_return keys;
}

namespace {

struct Buckets {
  std::mutex mutex;
  std::map<std::string, std::shared_ptr<KeyValue>> by_name;
};

async::Task<std::shared_ptr<KeyValue>> open_memory_bucket(std::shared_ptr<Buckets> buckets, std::string name) {
  const std::lock_guard lock(buckets->mutex);
  auto& bucket = buckets->by_name[name];
  if (bucket == nullptr) {
    bucket = std::make_shared<MemoryKeyValue>(std::move(name));
  }
  co_return bucket;
}

}  // namespace

KeyValueFactory make_memory_buckets() {
  return [buckets = std::make_shared<Buckets>()](std::string name) {
    return open_memory_bucket(buckets, std::move(name));
  };
}

async::Task<std::optional<Entry>> MemoryKeyValue::get(std::string key) {
  WEFT_CO_CHECK(check_key(key));
  co_return bucket_->find(key);
}

async::Task<std::vector<Entry>> MemoryKeyValue::list() { co_return bucket_->list(); }

async::Task<std::uint64_t> MemoryKeyValue::put(std::string key, std::string value) {
  co_return bucket_->change({.key = std::move(key), .value = std::move(value), .expected = {}});
}

async::Task<std::uint64_t> MemoryKeyValue::create(std::string key, std::string value) {
  co_return bucket_->change({.key = std::move(key), .value = std::move(value), .expected = 0});
}

async::Task<std::uint64_t> MemoryKeyValue::update(std::string key, std::string value, std::uint64_t expected) {
  co_return bucket_->change({.key = std::move(key), .value = std::move(value), .expected = expected});
}

async::Task<void> MemoryKeyValue::erase(std::string key) {
  WEFT_CO_CHECK(bucket_->change({.key = std::move(key), .value = {}, .operation = Operation::erase, .expected = {}}));
  co_return Result<void>();
}

async::Task<void> MemoryKeyValue::purge(std::string key) {
  WEFT_CO_CHECK(bucket_->change({.key = std::move(key), .value = {}, .operation = Operation::purge, .expected = {}}));
  co_return Result<void>();
}

Result<std::unique_ptr<Subscription>> MemoryKeyValue::watch(async::Shard& shard, BucketWatcher& watcher) {
  return bucket_->watch(shard, watcher);
}

}  // namespace weft::bus
