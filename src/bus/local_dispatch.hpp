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

class LocalDispatch : public std::enable_shared_from_this<LocalDispatch> {
 public:
  explicit LocalDispatch(BusState state) : state_(state) {}

  [[nodiscard]] BusState state() const noexcept { return state_; }
  /// Tells the change to those who asked.
  void set_state(BusState state);
  std::unique_ptr<Subscription> on_state(async::Shard& shard, std::function<void(BusState)> handler);

  [[nodiscard]] std::uint64_t dropped() const noexcept { return dropped_; }
  /// Messages that wait for their handlers now.
  [[nodiscard]] std::size_t pending() const;

  /// unavailable once drain began. `leave` is called, on the listener's shard, before the listener goes.
  Result<std::unique_ptr<Subscription>> subscribe(async::Shard& shard, std::string subject, SubscribeOptions options,
                                                  MessageHandler handler, std::move_only_function<void()> leave);
  /// Gives the message to everybody who listens; false if nobody does.
  bool deliver(const Message& message);
  [[nodiscard]] bool has_listener(const std::string& subject) const;

  /// Waits for the first message to `inbox`, which `send` asks for; `send` may fail.
  async::Task<Message> await_answer(std::string inbox, std::chrono::milliseconds timeout, std::string subject,
                                    std::move_only_function<Result<void>()> send);
  /// Ends the wait at that inbox; false if nobody waits there.
  bool fail_answer(const std::string& inbox, Error error);
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
