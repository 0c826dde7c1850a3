// SPDX-License-Identifier: Apache-2.0
#include "bus/nats_writes.hpp"

#include <utility>

// Of nats.c (src/conn.c). Weak: a library without them is linked all the same.
extern "C" {
[[gnu::weak]] void natsConn_lockAndRetain(natsConnection* connection);      // NOLINT(readability-identifier-naming)
[[gnu::weak]] void natsConn_unlockAndRelease(natsConnection* connection);   // NOLINT(readability-identifier-naming)
[[gnu::weak]] natsStatus natsConn_bufferFlush(natsConnection* connection);  // NOLINT(readability-identifier-naming)
}

namespace weft::bus {

namespace {

/// The messages of a turn and of the one before it.
constexpr bool are_alone(unsigned messages, unsigned before) noexcept { return messages <= 1 && before <= 1; }

}  // namespace

/// Writes when it is destroyed: after it has run, or unrun with a shard that was stopped.
class NatsWrites::TurnEnd {
 public:
  TurnEnd(std::shared_ptr<NatsWrites> writes, Turn& turn, natsConnection* connection)
      : writes_(std::move(writes)), turn_(&turn), connection_(connection) {}
  TurnEnd(TurnEnd&& other) noexcept = default;
  TurnEnd& operator=(TurnEnd&&) = delete;
  TurnEnd(const TurnEnd&) = delete;
  TurnEnd& operator=(const TurnEnd&) = delete;
  ~TurnEnd() {
    if (!writes_) {
      return;  // moved from
    }
    const auto messages = turn_->messages.exchange(0);
    const auto before = turn_->messages_before.exchange(messages);
    if (!are_alone(messages, before)) {
      write(connection_);
    }
  }
  void operator()() noexcept {}

 private:
  std::shared_ptr<NatsWrites> writes_;
  Turn* turn_;
  natsConnection* connection_;
};

bool NatsWrites::are_timed() noexcept {
  return natsConn_lockAndRetain != nullptr && natsConn_unlockAndRelease != nullptr && natsConn_bufferFlush != nullptr;
}

void NatsWrites::published(const std::shared_ptr<NatsWrites>& self, natsConnection* connection) {
  auto* const shard = async::Shard::current();
  if (shard == nullptr || !are_timed()) {
    return write(connection);
  }
  auto& turn = self->turns_[shard->index() % self->turns_.size()];
  const auto messages = turn.messages.fetch_add(1) + 1;
  if (messages == 1) {
    shard->post(TurnEnd(self, turn, connection));
  }
  if (are_alone(messages, turn.messages_before)) {
    write(connection);
  }
}

void NatsWrites::write(natsConnection* connection) {
  if (!are_timed()) {
    return;
  }
  natsConn_lockAndRetain(connection);
  // Without a connection what is published is kept elsewhere, for the next.
  if (natsConnection_Status(connection) == NATS_CONN_STATUS_CONNECTED) {
    (void)natsConn_bufferFlush(connection);  // what cannot be written breaks the connection, which is told
  }
  natsConn_unlockAndRelease(connection);
}

}  // namespace weft::bus
