// SPDX-License-Identifier: Apache-2.0
/// When what is published is handed to the kernel: what a shard publishes in one turn leaves together at the turn's
/// end, in one system call. A message that comes alone, after one that came alone, leaves at once: somebody waits for
/// it. So does what a thread publishes that is no shard.
///
/// nats.c collects what is published for a millisecond, or not at all (SendAsap), and has no public function that
/// writes what it has. Its library exports the one that it uses itself, unchanged from 2.6 to 3.11; where that is
/// missing, are_timed() is false and every message is written when it is published.
///
/// Ownership: part of what owns the connection. Threads: any.
#pragma once

#include <nats/nats.h>

#include <array>
#include <atomic>
#include <memory>

#include "async/shard.hpp"

namespace weft::bus {

class NatsWrites {
 public:
  /// True: connections are made without SendAsap. False: there is nothing to do here.
  static bool are_timed() noexcept;

  /// After every publish. `self` is these writes, and keeps the connection for as long as work of theirs is posted to a
  /// shard.
  static void published(const std::shared_ptr<NatsWrites>& self, natsConnection* connection);
  /// Before the end of a connection. Blocks like a publish: for as long as the socket is full, at most until the write
  /// deadline.
  static void write(natsConnection* connection);

 private:
  /// From the first message that a shard publishes until all that was ready then has run. Atomic, because shards of two
  /// pools may have the same index.
  struct Turn {
    std::atomic<unsigned> messages{0};
    std::atomic<unsigned> messages_before{0};  ///< of the turn before
  };
  class TurnEnd;

  std::array<Turn, 64> turns_{};  ///< by the index of the shard
};

}  // namespace weft::bus
