// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <utility>

namespace weft::bus {

/// Something that is listened to. Destroying it, on the shard it was made for, ends it: nothing is delivered after.
class Subscription {
 public:
  virtual ~Subscription() = default;
  /// Asks for nothing new, and calls `done` on that shard when what was on its way has been handled. Once; destroying
  /// it before gives `done` up.
  virtual void drain(std::move_only_function<void()> done) = 0;
};

/// One that ends, and is drained, as it is told.
class EndingSubscription final : public Subscription {
 public:
  using Done = std::move_only_function<void()>;
  /// Without `drain` there is never anything on its way.
  explicit EndingSubscription(std::move_only_function<void()> end, std::move_only_function<void(Done)> drain = {})
      : end_(std::move(end)), drain_(std::move(drain)) {}
  ~EndingSubscription() override { end_(); }
  EndingSubscription(const EndingSubscription&) = delete;
  EndingSubscription& operator=(const EndingSubscription&) = delete;

  void drain(Done done) override {
    if (drain_) {
      drain_(std::move(done));
    } else {
      done();
    }
  }

 private:
  std::move_only_function<void()> end_;
  std::move_only_function<void(Done)> drain_;
};

}  // namespace weft::bus
