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

/// One that is destroyed unrun, with a shard that was stopped, writes too.
class NatsWrites::TurnEnd {
 public:
  TurnEnd(std::shared_ptr<NatsWrites> writes, Turn& turn, natsConnection* connection)
      : writes_(std::move(writes)), turn_(&turn), connection_(connection) {}
  TurnEnd(TurnEnd&& other) noexcept = default;
  TurnEnd& operator=(TurnEnd&&) = delete;
  TurnEnd(const TurnEnd&) = delete;
  TurnEnd& operator=(const TurnEnd&) = delete;
  ~TurnEnd() {
    if (writes_) {
      end();
    }
  }
  void operator()() noexcept {
    end();
    writes_.reset();
  }

 private:
  void end() noexcept {
    turn_->is_posted = false;
    turn_->messages_before = turn_->messages.exchange(0);
    if (turn_->has_unwritten.exchange(false)) {
      write(connection_);
    }
  }

  std::shared_ptr<NatsWrites> writes_;
  Turn* turn_;
  natsConnection* connection_;
};

bool NatsWrites::are_timed() noexcept {
  return natsConn_lockAndRetain != nullptr && natsConn_unlockAndRelease != nullptr && natsConn_bufferFlush != nullptr;
}

void NatsWrites::published(const std::shared_ptr<NatsWrites>& self, natsConnection* connection) {
  auto* const shard = async::Shard::current();
  if (shard == nullptr) {
    return write(connection);
  }
  auto& turn = self->turns_[shard->index() % self->turns_.size()];
  const bool is_alone = turn.messages.fetch_add(1) == 0 && turn.messages_before <= 1;
  if (!is_alone) {
    turn.has_unwritten = true;
  }
  if (!turn.is_posted.exchange(true)) {
    shard->post(TurnEnd(self, turn, connection));
  }
  if (is_alone) {
    write(connection);
  }
}

void NatsWrites::write(natsConnection* connection) {
  natsConn_lockAndRetain(connection);
  // Without a connection what is published is kept elsewhere, for the next.
  if (natsConnection_Status(connection) == NATS_CONN_STATUS_CONNECTED) {
    (void)natsConn_bufferFlush(connection);  // what cannot be written breaks the connection, which is told
  }
  natsConn_unlockAndRelease(connection);
}

}  // namespace weft::bus
