// SPDX-License-Identifier: Apache-2.0
#include "bus/nats_delivery.hpp"

#include <utility>

namespace weft::bus {

// What nats.c owns between the making of a subscription and its completion.
class NatsDelivery::Callback {
 public:
  Callback(Receiver receiver, std::weak_ptr<NatsDelivery> delivery, CallbackGate::Pass pass)
      : pass_(std::move(pass)), receiver_(std::move(receiver)), delivery_(std::move(delivery)) {}

  static void on_message(natsConnection* /*connection*/, natsSubscription* /*subscription*/, natsMsg* message,
                         void* closure) noexcept {
    const auto owner = MessageHandle::adopt(message);
    if (message == nullptr) {
      return;
    }
    try {
      static_cast<Callback*>(closure)->receiver_(message);
    } catch (...) {  // out of memory: delivery is at most once
      static_cast<void>(0);
    }
  }

  static void on_complete(void* closure) noexcept {
    const std::unique_ptr<Callback> self(static_cast<Callback*>(closure));
    if (const auto delivery = self->delivery_.lock()) {
      delivery->complete();
    }
  }

 private:
  CallbackGate::Pass pass_;  // first, so that it is given back last
  Receiver receiver_;
  std::weak_ptr<NatsDelivery> delivery_;
};

Result<std::shared_ptr<NatsDelivery>> NatsDelivery::open(natsConnection* connection,
                                                         const std::shared_ptr<CallbackGate>& gate,
                                                         const std::string& subject, const std::string& queue_group,
                                                         int max_pending, Receiver receiver) {
  auto delivery = std::shared_ptr<NatsDelivery>(new NatsDelivery);
  auto callback = std::make_unique<Callback>(std::move(receiver), delivery, gate->enter());
  natsSubscription* made = nullptr;
  const auto status =
      queue_group.empty()
          ? natsConnection_Subscribe(&made, connection, subject.c_str(), &Callback::on_message, callback.get())
          : natsConnection_QueueSubscribe(&made, connection, subject.c_str(), queue_group.c_str(),
                                          &Callback::on_message, callback.get());
  if (status != NATS_OK) {
    return to_error(status, "subscribe to " + subject);
  }
  delivery->handle_ = made;
  if (natsSubscription_SetOnCompleteCB(made, &Callback::on_complete, callback.get()) != NATS_OK) {
    // The connection was closed in between, and a call may be under way that nobody tells the end of. The state is left
    // to it: once in the life of a connection at most, and the gate knows.
    [[maybe_unused]] const auto* left = callback.release();
    return to_error(NATS_CONNECTION_CLOSED, "subscribe to " + subject);
  }
  [[maybe_unused]] const auto* kept = callback.release();
  // nats.c's own queue only bridges the moments until its thread runs: the subscription's bound is the mailbox's.
  natsSubscription_SetPendingLimits(made, max_pending, -1);
  return delivery;
}

NatsDelivery::~NatsDelivery() {
  end();
  // Its completion finds nobody any more.
  if (done_) {
    done_();
  }
}

void NatsDelivery::end() {
  natsSubscription* handle = nullptr;
  {
    const std::lock_guard lock(mutex_);
    if (handle_ != nullptr) {
      int64_t dropped = 0;
      if (natsSubscription_GetDropped(handle_, &dropped) == NATS_OK) {
        dropped_ = static_cast<std::uint64_t>(dropped);
      }
    }
    handle = std::exchange(handle_, nullptr);
  }
  // Unsubscribes too. Not under the lock: the completion may come on this very thread.
  natsSubscription_Destroy(handle);
}

void NatsDelivery::drain(std::chrono::milliseconds timeout, std::function<void()> done) {
  {
    const std::lock_guard lock(mutex_);
    if (!is_complete_ && handle_ != nullptr) {
      done_ = std::move(done);
      if (natsSubscription_DrainTimeout(handle_, timeout.count()) == NATS_OK) {
        return;
      }
      std::swap(done, done_);
    }
  }
  done();
}

std::uint64_t NatsDelivery::dropped() {
  const std::lock_guard lock(mutex_);
  int64_t dropped = 0;
  if (handle_ != nullptr && natsSubscription_GetDropped(handle_, &dropped) == NATS_OK) {
    return static_cast<std::uint64_t>(dropped);
  }
  return dropped_;
}

void NatsDelivery::complete() {
  std::function<void()> done;
  {
    const std::lock_guard lock(mutex_);
    is_complete_ = true;
    done.swap(done_);
  }
  if (done) {
    done();
  }
}

}  // namespace weft::bus
