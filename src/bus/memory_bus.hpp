// SPDX-License-Identifier: Apache-2.0
/// The bus of one process: a lattice of one needs no server. Buckets come from the factory it is given (a SqliteStore,
/// say); without one they are kept in memory and go with the bus.
///
/// Differs from NATS in nothing that this interface shows, but that it is never disconnected. Threads: any.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "bus/bus.hpp"

namespace weft::bus {

/// Opens or makes the bucket of that name; the same name gives the same bucket.
using KeyValueFactory = std::function<async::Task<std::shared_ptr<KeyValue>>(std::string name)>;

/// What the inboxes of every MemoryBus begin with.
inline constexpr std::string_view kMemoryInbox = "_INBOX.memory.";

class MemoryBus final : public Bus {
 public:
  explicit MemoryBus(KeyValueFactory buckets = {});
  ~MemoryBus() override;
  MemoryBus(const MemoryBus&) = delete;
  MemoryBus& operator=(const MemoryBus&) = delete;

  [[nodiscard]] BusInfo info() const override;
  [[nodiscard]] BusState state() const noexcept override;
  std::unique_ptr<Subscription> on_state(async::Shard& shard, std::function<void(BusState)> handler) override;
  [[nodiscard]] std::uint64_t dropped() const noexcept override;
  Result<void> publish(Message message) override;
  async::Task<Message> request(Message message, std::chrono::milliseconds timeout) override;
  Result<std::unique_ptr<Subscription>> subscribe(async::Shard& shard, std::string subject, SubscribeOptions options,
                                                  MessageHandler handler) override;
  std::string new_inbox() override;
  async::Task<void> flush(std::chrono::milliseconds timeout) override;
  async::Task<std::shared_ptr<KeyValue>> open_bucket(std::string name) override;
  async::Task<void> drain(std::chrono::milliseconds timeout) override;

 private:
  struct State;
  /// As publish(); tells whether somebody listened.
  Result<bool> publish_and_tell(const Message& message);

  std::shared_ptr<State> state_;
};

}  // namespace weft::bus
