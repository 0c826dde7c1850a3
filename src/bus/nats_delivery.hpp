// SPDX-License-Identifier: Apache-2.0
/// One subscription of nats.c and the state of its callback.
///
/// The state (the receiver) is given to nats.c when the subscription is made and freed in its completion callback,
/// which comes after the last message; when the subscription cannot be made it is freed here. Ending a delivery does
/// not wait for a call of the receiver that is under way. Borrows the connection, shares the bin with it. Threads: any;
/// the receiver runs on a thread of nats.c, one message at a time, and must neither block nor throw. Errors of open():
/// invalid_argument (subject, queue group), unavailable (the connection is closed).
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "bus/callback_gate.hpp"
#include "bus/nats_bin.hpp"
#include "bus/nats_handles.hpp"

namespace weft::bus {

using Receiver = std::function<void(natsMsg* message)>;

class NatsDelivery {
 public:
  static Result<std::shared_ptr<NatsDelivery>> open(natsConnection* connection,
                                                    const std::shared_ptr<CallbackGate>& gate,
                                                    const std::shared_ptr<NatsBin>& bin, const std::string& subject,
                                                    const std::string& queue_group, Receiver receiver);
  ~NatsDelivery();
  NatsDelivery(const NatsDelivery&) = delete;
  NatsDelivery& operator=(const NatsDelivery&) = delete;

  /// Nothing new arrives after; what the server still sends is dropped.
  void end();
  /// Unsubscribes, and calls `done`, on a thread of nats.c, when what was on its way has been received. The receiver is
  /// then gone.
  void drain(std::chrono::milliseconds timeout, std::function<void()> done);

 private:
  class Callback;
  NatsDelivery() = default;
  void complete();

  std::mutex mutex_;
  natsSubscription* handle_ = nullptr;
  bool is_complete_ = false;
  std::function<void()> done_;
};

}  // namespace weft::bus
