// SPDX-License-Identifier: Apache-2.0
#include "bus/nats_delivery.hpp"

#include <utility>

namespace weft::bus {

// What nats.c owns between the making of a subscription and its completion.
class NatsDelivery::Callback {
 public:
  Callback(Receiver receiver, std::weak_ptr<NatsDelivery> delivery, CallbackGate::Pass pass,
           std::shared_ptr<NatsBin> bin)
      : pass_(std::move(pass)), bin_(std::move(bin)), receiver_(std::move(receiver)), delivery_(std::move(delivery)) {}

  static void on_message(natsConnection* /*connection*/, natsSubscription* /*subscription*/, natsMsg* message,
                         void* closure) noexcept {
    auto owner = MessageHandle::adopt(message);
    if (message == nullptr) {
      return;
    }
    auto& self = *static_cast<Callback*>(closure);
    try {
      self.receiver_(message);
      self.bin_->put(std::move(owner), size_of(message));
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
  std::shared_ptr<NatsBin> bin_;
  Receiver receiver_;
  std::weak_ptr<NatsDelivery> delivery_;
};

Result<std::shared_ptr<NatsDelivery>> NatsDelivery::open(natsConnection* connection,
                                                         const std::shared_ptr<CallbackGate>& gate,
                                                         const std::shared_ptr<NatsBin>& bin,
                                                         const std::string& subject, const std::string& queue_group,
                                                         Receiver receiver) {
  auto delivery = std::shared_ptr<NatsDelivery>(new NatsDelivery);
  auto callback = std::make_unique<Callback>(std::move(receiver), delivery, gate->enter(), bin);
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
  // nats.c's own queue only bridges the moments until its thread runs. The bound is the receiver's, which never waits:
  // what nats.c would drop, nobody could be told of.
  natsSubscription_SetPendingLimits(made, -1, -1);
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
