// SPDX-License-Identifier: Apache-2.0
/// A lattice's bus that goes on inside this process while its server is away: without it a local client could not even
/// ask its own host for its state.
///
/// While the lattice is connected all goes through it, and nothing else. While it is not, messages reach those who
/// subscribed here; a message without a reply subject (an event) besides waits in the lattice's buffer, so that others
/// hear of it later, and those here hear of it twice. A request is never buffered: whoever gave it up must not see it
/// carried out later. Answers to a request that began here stay here, also when the server comes back meanwhile.
///
/// Owns both sides. Ownership, threads and errors: as bus.hpp; buckets and state are the lattice's own.
#pragma once

#include <memory>
#include <string>

#include "bus/bus.hpp"
#include "bus/memory_bus.hpp"

namespace weft::bus {

class FallbackBus final : public Bus {
 public:
  explicit FallbackBus(std::unique_ptr<Bus> lattice);
  ~FallbackBus() override;
  FallbackBus(const FallbackBus&) = delete;
  FallbackBus& operator=(const FallbackBus&) = delete;

  [[nodiscard]] BusInfo info() const override { return lattice_->info(); }
  [[nodiscard]] BusState state() const noexcept override { return lattice_->state(); }
  std::unique_ptr<Subscription> on_state(async::Shard& shard, std::function<void(BusState)> handler) override;
  [[nodiscard]] std::uint64_t dropped() const noexcept override;
  Result<void> publish(Message message) override;
  async::Task<Message> request(Message message, std::chrono::milliseconds timeout) override;
  Result<std::unique_ptr<Subscription>> subscribe(async::Shard& shard, std::string subject, SubscribeOptions options,
                                                  MessageHandler handler) override;
  std::string new_inbox() override { return lattice_->new_inbox(); }
  /// Nothing to wait for while the server is away.
  async::Task<void> flush(std::chrono::milliseconds timeout) override;
  async::Task<std::shared_ptr<KeyValue>> open_bucket(std::string name) override;
  async::Task<void> drain(std::chrono::milliseconds timeout) override;

 private:
  [[nodiscard]] bool is_away() const noexcept { return lattice_->state() == BusState::disconnected; }

  std::unique_ptr<Bus> lattice_;
  MemoryBus local_;
};

}  // namespace weft::bus
