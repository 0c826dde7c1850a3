// SPDX-License-Identifier: Apache-2.0
/// A bucket in memory: gone with the process. Every task ends at once. Threads: any.
#pragma once

#include <memory>
#include <string>

#include "bus/bucket_state.hpp"
#include "bus/key_value.hpp"
#include "bus/memory_bus.hpp"

namespace weft::bus {

class MemoryKeyValue final : public KeyValue {
 public:
  explicit MemoryKeyValue(std::string name) : bucket_(std::make_shared<BucketState>(std::move(name))) {}

  [[nodiscard]] const std::string& name() const noexcept override { return bucket_->name(); }
  async::Task<std::optional<Entry>> get(std::string key) override;
  async::Task<std::vector<Entry>> list() override;
  async::Task<std::uint64_t> put(std::string key, std::string value) override;
  async::Task<std::uint64_t> create(std::string key, std::string value) override;
  async::Task<std::uint64_t> update(std::string key, std::string value, std::uint64_t expected) override;
  async::Task<void> erase(std::string key) override;
  async::Task<void> purge(std::string key) override;
  Result<std::unique_ptr<Subscription>> watch(async::Shard& shard, BucketWatcher& watcher) override;

 private:
  /// Shared with subscriptions, which leave it in their own time.
  std::shared_ptr<BucketState> bucket_;
};

/// Buckets that live as long as the factory.
KeyValueFactory make_memory_buckets();

}  // namespace weft::bus
