// SPDX-License-Identifier: Apache-2.0
/// A client of the bus of another process of the same user, through its Unix socket (see SocketServer).
///
/// Has no buckets: open_bucket() gives unsupported. Does not connect again: when the server goes, its state is
/// `disconnected` for good and publish() gives unavailable. A cancelled request is forgotten here; the server's runs to
/// its deadline. Threads: any; the socket is served on the shard of connect(), which must outlive this.
#pragma once

#include <memory>
#include <string>

#include "bus/bus.hpp"

namespace weft::bus {

class SocketBus final : public Bus {
 public:
  /// Errors: unavailable (nobody answers), deadline_exceeded, unsupported (a server of another version),
  /// permission_denied, invalid_argument (path too long).
  static async::Task<std::unique_ptr<SocketBus>> connect(async::Shard& shard, std::string path,
                                                         std::chrono::milliseconds timeout);
  ~SocketBus() override;
  SocketBus(const SocketBus&) = delete;
  SocketBus& operator=(const SocketBus&) = delete;

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
  explicit SocketBus(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;
};

}  // namespace weft::bus
