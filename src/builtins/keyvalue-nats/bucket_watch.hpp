// SPDX-License-Identifier: Apache-2.0
/// Follows a bucket for one component: what changes from now on, and after an outage what changed meanwhile. An erasure
/// that happened during an outage is not told, because the bucket may not know of it any more.
///
/// Ownership: shared by the link and its line's thread. Threads: start() and close() any but the line's thread; the
/// rest on it. A bucket that is not there is waited for.
#pragma once

#include <memory>

#include "builtins/keyvalue-nats/bucket_store.hpp"
#include "builtins/keyvalue/watch_feed.hpp"
#include "bus/key_value.hpp"

namespace weft::builtins::keyvalue_nats {

class BucketWatch final : public bus::BucketWatcher, public std::enable_shared_from_this<BucketWatch> {
 public:
  BucketWatch(std::shared_ptr<BucketStore> store, std::shared_ptr<keyvalue::WatchFeed> feed, std::string provider,
              LogSink log)
      : store_(std::move(store)), feed_(std::move(feed)), provider_(std::move(provider)), log_(std::move(log)) {}

  [[nodiscard]] const std::shared_ptr<BucketStore>& store() const noexcept { return store_; }
  void start();
  void close();

  void on_entry(const bus::Entry& entry) override;
  void on_current() override { is_live_ = true; }

 private:
  static async::Task<void> follow(std::shared_ptr<BucketWatch> self);

  const std::shared_ptr<BucketStore> store_;
  const std::shared_ptr<keyvalue::WatchFeed> feed_;
  const std::string provider_;
  const LogSink log_;
  bool is_live_ = false;  ///< what was there at the start has been passed over
  bool is_closed_ = false;
  std::shared_ptr<bus::KeyValue> bucket_;
  std::unique_ptr<bus::Subscription> subscription_;
};

}  // namespace weft::builtins::keyvalue_nats
