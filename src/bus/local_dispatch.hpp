// SPDX-License-Identifier: Apache-2.0
/// What a bus of one process keeps: who listens, who waits for an answer, who wants to know the bus's state. MemoryBus
/// is little more than this; SocketBus uses the same for what comes in from its server.
///
/// Owned by its bus; borrows the shards of the listeners. Threads: any, one lock inside.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "async/completion.hpp"
#include "bus/bus.hpp"
#include "bus/shard_queue.hpp"
#include "bus/subject_index.hpp"

namespace weft::bus {

/// Called without a lock when a listener has come, and on its shard before it goes; with its number.
struct ListenHooks {
  std::move_only_function<void(std::uint64_t)> joined;
  std::move_only_function<void(std::uint64_t)> leaving;
};

class LocalDispatch : public std::enable_shared_from_this<LocalDispatch> {
 public:
  explicit LocalDispatch(BusState state) : state_(state) {}

  [[nodiscard]] BusState state() const noexcept { return state_; }
  /// Tells the change to those who asked.
  void set_state(BusState state);
  std::unique_ptr<Subscription> on_state(async::Shard& shard, std::function<void(BusState)> handler);

  [[nodiscard]] std::uint64_t dropped() const noexcept { return dropped_; }

  /// unavailable once drain began.
  Result<std::unique_ptr<Subscription>> subscribe(async::Shard& shard, std::string subject, SubscribeOptions options,
                                                  MessageHandler handler, ListenHooks hooks = {});
  /// Gives the message to everybody who listens; false if nobody does.
  bool deliver(const Message& message);
  /// To one listener, by its number; to nobody if it has gone.
  void deliver_to(std::uint64_t listener, Message message);
  /// The numbers of all listeners.
  [[nodiscard]] std::vector<std::uint64_t> listeners() const;

  /// Waits for the first message to `inbox`, which `send` asks for; `send` may fail.
  async::Task<Message> await_answer(std::string inbox, std::chrono::milliseconds timeout, std::string subject,
                                    std::move_only_function<Result<void>()> send);
  /// Ends the wait at that inbox, if somebody waits there.
  void end_answer(const std::string& inbox, Result<Message> outcome);
  void fail_all_answers(const Error& error);

  /// Takes no new subscriptions, ends those there are after what has arrived is handled. deadline_exceeded.
  async::Task<void> finish(std::chrono::milliseconds timeout);

 private:
  using StateQueue = ShardQueue<BusState>;
  void forget_answer(const std::string& inbox);
  void begin_finish(const async::Completion<bool>& done);

  mutable std::mutex mutex_;
  std::atomic<BusState> state_;
  std::atomic<std::uint64_t> dropped_{0};
  bool finishing_ = false;
  SubjectIndex index_;
  std::unordered_map<std::string, async::Completion<Message>> answers_;
  std::uint64_t next_watcher_ = 1;
  std::map<std::uint64_t, std::shared_ptr<StateQueue>> watchers_;
};

/// unavailable: nobody listens to `subject`.
Error no_responders(const std::string& subject);

}  // namespace weft::bus
