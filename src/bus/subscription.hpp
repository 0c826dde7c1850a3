// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <utility>

namespace weft::bus {

/// Something that is listened to. Destroying it, on the shard it was made for, ends it: nothing is delivered after.
class Subscription {
 public:
  virtual ~Subscription() = default;
};

/// One that ends as it is told.
class EndingSubscription final : public Subscription {
 public:
  explicit EndingSubscription(std::move_only_function<void()> end) : end_(std::move(end)) {}
  ~EndingSubscription() override { end_(); }
  EndingSubscription(const EndingSubscription&) = delete;
  EndingSubscription& operator=(const EndingSubscription&) = delete;

 private:
  std::move_only_function<void()> end_;
};

}  // namespace weft::bus
