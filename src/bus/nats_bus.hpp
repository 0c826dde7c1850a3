// SPDX-License-Identifier: Apache-2.0
/// The Bus of a lattice: a connection to NATS servers.
///
/// Ownership: as bus.hpp says; besides, whoever waits in a Task of it must have ended before the shards do.
/// The destructor closes what drain() has not, and waits for the threads of nats.c (milliseconds, up to connect_timeout
/// while it is trying to connect): not on a shard.
/// Threads: as bus.hpp says. nats.c's thread copies a message into the subscription's mailbox, which hands it over on
/// the shard; of what is done with, up to 512 KiB stay until more follows (NatsBin). Requests are answered through one
/// inbox subscription. Tasks need an executor that runs one thing at a time (a shard). State: a lost connection comes
/// back by itself for ever, with exponential waits; requests that were waiting for an answer end with `unavailable`
/// (nobody knows whether they were handled), new ones go to the bounded buffer and have until their time-out.
/// Source: control-plane facts 2; nats.c 3.4.1.
#pragma once

#include <memory>
#include <string>

#include "bus/bus.hpp"
#include "bus/nats_options.hpp"

namespace weft::bus {

class NatsConnection;

class NatsBus final : public Bus {
 public:
  /// Blocks until connected (or once tried, with wait_for_server): at start-up, or on a BlockingPool.
  /// Errors: unavailable (no server, TLS), permission_denied (credentials), invalid_argument and io (options).
  static Result<std::unique_ptr<NatsBus>> connect(NatsOptions options);
  ~NatsBus() override;
  NatsBus(const NatsBus&) = delete;
  NatsBus& operator=(const NatsBus&) = delete;

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
  /// Errors besides: unavailable when the server has no JetStream.
  async::Task<std::shared_ptr<KeyValue>> open_bucket(std::string name) override;
  /// A bucket of somebody else's: never made here, not even when it is lost while it is open. Errors besides:
  /// not_found.
  async::Task<std::shared_ptr<KeyValue>> open_existing_bucket(std::string name);
  async::Task<void> drain(std::chrono::milliseconds timeout) override;

  /// What nats.c holds of ours at the moment: the connection's callbacks and one for each subscription. For tests.
  [[nodiscard]] std::size_t held_callbacks() const;
  /// Requests without an answer so far.
  [[nodiscard]] std::size_t waiting_requests() const;

 private:
  explicit NatsBus(std::shared_ptr<NatsConnection> connection) : connection_(std::move(connection)) {}

  std::shared_ptr<NatsConnection> connection_;
};

}  // namespace weft::bus
