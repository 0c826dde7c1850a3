// SPDX-License-Identifier: Apache-2.0
/// Follows one bucket through outages: an ephemeral push consumer, and the rules for making it anew.
///
/// One attempt: look at the stream (create it when it is gone); make a consumer that begins after the last revision
/// told, or, when the stream is not the one it was, with the last value of every key; deliver; on_current() once all
/// that was there at the start has come. A new attempt follows a reconnect, three missed heartbeats (the consumer or
/// the stream is lost), a gap in the deliveries, and with growing waits (50 ms .. 400 ms) a failed attempt. What is no
/// longer there is never told: the new attempt only ever brings entries. Within an attempt what changes nothing is
/// asked every 400 ms until it is answered: servers of a cluster that have no leader answer nothing, then or later. For
/// a consumer the next attempt comes sooner, and one that was made all the same is removed when that is heard.
///
/// A machine of callbacks on its shard and not a coroutine: a Subscription ends in its destructor, which cannot await.
/// Owned by the Subscription; everything else (timers, answers, deliveries) holds it weakly. Shares the connection,
/// borrows the watcher.
/// Source: NATS ADR-8 and ADR-9 (heartbeats, flow control); nats-server 2.9.10 and 2.11.3 tried.
#pragma once

#include <memory>

#include "bus/jetstream_codec.hpp"
#include "bus/nats_connection.hpp"
#include "bus/nats_key_value.hpp"

namespace weft::bus {

Result<std::unique_ptr<Subscription>> start_watch(std::shared_ptr<NatsConnection> connection, BucketSubjects subjects,
                                                  IfMissing if_missing, async::Shard& shard, BucketWatcher& watcher);

}  // namespace weft::bus
