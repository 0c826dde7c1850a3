// SPDX-License-Identifier: Apache-2.0
#include "builtins/keyvalue-nats/bucket_watch.hpp"

#include <algorithm>

#include "async/deadline.hpp"

namespace weft::builtins::keyvalue_nats {
namespace {

constexpr std::chrono::milliseconds kFirstWait{50};
constexpr std::chrono::milliseconds kLongestWait{2'000};

}  // namespace

void BucketWatch::start() {
  store_->line()->spawn("following a bucket", follow(shared_from_this()), nats::Work::service);
}

async::Task<void> BucketWatch::follow(std::shared_ptr<BucketWatch> self) {
  auto wait = kFirstWait;
  while (!self->is_closed_) {
    auto bucket = co_await self->store_->open();
    if (bucket && !self->is_closed_) {
      self->bucket_ = *std::move(bucket);
      WEFT_CO_TRY(self->subscription_, self->bucket_->watch(self->store_->line()->shard(), *self));
      co_return Result<void>();
    }
    if (!bucket && wait == kFirstWait) {
      self->log_(LogLevel::warning, self->provider_,
                 "cannot follow the bucket yet, trying on: " + bucket.error().to_string());
    }
    WEFT_CO_CHECK(co_await async::sleep_for(wait));
    wait = std::min(wait * 2, kLongestWait);
  }
  co_return Result<void>();
}

void BucketWatch::on_entry(const bus::Entry& entry) {
  if (!is_live_) return;
  if (entry.operation != bus::Operation::put) {
    if (store_->settings().watch.wants_erased(entry.key)) feed_->push({.key = entry.key, .value = std::nullopt});
  } else if (store_->settings().watch.wants_set(entry.key)) {
    feed_->push({.key = entry.key, .value = entry.value});
  }
}

void BucketWatch::close() {
  feed_->close();
  store_->line()->on_shard([this] {
    is_closed_ = true;
    subscription_.reset();
    bucket_.reset();
  });
}

}  // namespace weft::builtins::keyvalue_nats
