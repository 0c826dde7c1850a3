// SPDX-License-Identifier: Apache-2.0
/// One connection of nats.c with what hangs on it: its state and who follows it, the requests that wait, the
/// subscriptions that are to be drained. NatsBus, its buckets and their watches share it.
///
/// Shared because nats.c's callbacks hold it too, until the one that tells of the closing. close() waits until they
/// have let go. Threads: any; nothing blocks but open() (up to connect_timeout for each address) and close()
/// (milliseconds, or the rest of an attempt to connect): not on a shard. A publish, and the end of the shard's turn
/// after it, may block for at most `write_deadline` when the server takes nothing more and the socket is full. Limits:
/// a server that refuses the credentials twice running ends the connection for good (nats.c 3.4 has no option for it):
/// the state is then `closed`.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>

#include "async/shard.hpp"
#include "async/task.hpp"
#include "bus/bus.hpp"
#include "bus/callback_gate.hpp"
#include "bus/nats_bin.hpp"
#include "bus/nats_delivery.hpp"
#include "bus/nats_options.hpp"
#include "bus/nats_requests.hpp"
#include "bus/nats_writes.hpp"
#include "bus/shard_queue.hpp"

namespace weft::bus {

/// Between nats.c's threads and one subscription's handler on its shard.
using Mailbox = ShardQueue<Message>;

class NatsConnection : public std::enable_shared_from_this<NatsConnection> {
 public:
  static Result<std::shared_ptr<NatsConnection>> open(NatsOptions options);
  ~NatsConnection();
  NatsConnection(const NatsConnection&) = delete;
  NatsConnection& operator=(const NatsConnection&) = delete;

  [[nodiscard]] const NatsOptions& options() const noexcept { return options_; }
  [[nodiscard]] BusState state() const noexcept { return state_.load(); }
  /// The server in use, else all of the options; without credentials. Like max_payload() what was learned when the
  /// connection came: nats.c holds its lock while it tries to reconnect, for as long as connect_timeout, and whoever
  /// asked it then would wait.
  [[nodiscard]] std::string url() const;
  /// Of the server in use, else of the last one.
  [[nodiscard]] std::size_t max_payload() const noexcept { return max_payload_; }
  [[nodiscard]] std::uint64_t dropped() const noexcept { return dropped_; }
  [[nodiscard]] const std::shared_ptr<CallbackGate>& gate() const noexcept { return gate_; }
  void log(LogLevel level, std::string_view line) const;

  Result<void> publish(const Message& message);
  /// The answer may come on another thread before this returns. The message needs no `reply`.
  std::uint64_t send_request(Message message, const NatsRequests::Done& done);
  void forget_request(std::uint64_t id) { requests_->remove(id); }
  [[nodiscard]] std::size_t waiting_requests() { return requests_->size(); }
  async::Task<Message> request(Message message, std::chrono::milliseconds timeout);
  Result<std::string> new_inbox() const;
  /// Goes through the server and comes back: all before it has arrived there. nats.c's own flush would block a thread.
  async::Task<void> flush(std::chrono::milliseconds timeout);

  /// A subscription whose messages go through `mailbox`, which drain() waits for.
  Result<std::shared_ptr<NatsDelivery>> subscribe(const std::string& subject, const SubscribeOptions& options,
                                                  const std::shared_ptr<Mailbox>& mailbox);
  /// The same for a receiver on nats.c's thread, which drain() does not wait for.
  Result<std::shared_ptr<NatsDelivery>> receive(const std::string& subject, Receiver receiver);
  void add_dropped(std::uint64_t count);

  using StateHandler = std::function<void(BusState)>;
  std::unique_ptr<Subscription> on_state(async::Shard& shard, StateHandler handler);

  /// Unsubscribes all, waits until their handlers have run, or `timeout` is over.
  async::Task<void> drain_subscriptions(std::chrono::milliseconds timeout);
  void close();

 private:
  struct StateListener;
  struct Drainable {
    std::weak_ptr<NatsDelivery> delivery;
    std::weak_ptr<Mailbox> mailbox;
  };
  friend struct ConnectionCallbacks;

  explicit NatsConnection(NatsOptions options);
  Result<void> connect();
  Result<void> open_inbox();
  [[nodiscard]] Error connect_error(natsStatus status) const;
  /// What a new connection says of its server. On a thread that may wait.
  void learn(natsConnection* handle);
  void change_state(BusState state);
  std::vector<Drainable> take_drainables();

  const NatsOptions options_;
  std::shared_ptr<CallbackGate> gate_ = std::make_shared<CallbackGate>();
  std::shared_ptr<NatsBin> received_ = std::make_shared<NatsBin>();
  NatsBin sent_;
  NatsWrites writes_;
  std::shared_ptr<NatsRequests> requests_;
  std::atomic<BusState> state_{BusState::disconnected};
  std::atomic<std::uint64_t> dropped_{0};
  std::atomic<bool> is_draining_{false};
  std::atomic<natsConnection*> handle_{nullptr};  // set once; a callback may come before that

  std::atomic<std::size_t> max_payload_{BusInfo{}.max_payload};

  mutable std::mutex mutex_;  // the url, listeners and subscriptions
  std::string connected_url_;
  std::list<std::shared_ptr<StateListener>> listeners_;
  std::list<Drainable> subscriptions_;
  std::size_t sweep_at_ = 64;  ///< so many, and those that have ended are forgotten
  std::shared_ptr<NatsDelivery> inbox_;
};

/// True for the `unavailable` of a request that nobody listened to (as opposed to a connection that is not there).
bool is_no_responders(const Error& error);

}  // namespace weft::bus
