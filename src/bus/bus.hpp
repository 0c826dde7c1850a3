// SPDX-License-Identifier: Apache-2.0
/// Messages between hosts, providers and clients, with the semantics of NATS: subjects of dot-separated tokens,
/// wildcards '*' and '>', queue groups, requests that learn at once when nobody listens. Implementations: MemoryBus
/// (one process), NatsBus (a lattice), SocketBus (a local client of a daemon). All pass the same suite (bus_suite.hpp).
///
/// Ownership: subscriptions and buckets borrow their bus and must be gone before it. Threads: every function may be
/// called from any thread; handlers run on the shard they were given, in the order of arrival on that subscription.
/// Delivery is at most once. Errors: unavailable (no connection, nobody listens), deadline_exceeded, invalid_argument
/// (a subject or queue group that is none), resource_exhausted (payload above max_payload), permission_denied.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "async/shard.hpp"
#include "async/task.hpp"
#include "bus/key_value.hpp"
#include "bus/message.hpp"
#include "bus/subscription.hpp"

namespace weft::bus {

using MessageHandler = std::move_only_function<void(Message message)>;

/// What happens to a subscription whose handler falls behind by more than `max_pending` messages.
enum class WhenFull : std::uint8_t {
  drop_newest,  ///< as NATS does; told by Bus::dropped()
  drop_oldest,
};

struct SubscribeOptions {
  std::string queue_group;  ///< empty: none
  std::size_t max_pending = 65'536;
  WhenFull when_full = WhenFull::drop_newest;
  /// Told of each message that is dropped, on any thread, while the bus delivers: it must neither block nor use the
  /// bus.
  std::function<void(const Message& message)> on_dropped = {};
};

enum class BusState : std::uint8_t { connected, disconnected, closed };

struct BusInfo {
  std::string url;               ///< "nats://127.0.0.1:4222", without credentials; "memory:" in one process
  std::string jetstream_domain;  ///< empty: none
  std::size_t max_payload = 1 << 20;
};

class Bus {
 public:
  virtual ~Bus() = default;

  [[nodiscard]] virtual BusInfo info() const = 0;
  [[nodiscard]] virtual BusState state() const noexcept = 0;
  /// Called on `shard` with the state now and after every change.
  virtual std::unique_ptr<Subscription> on_state(async::Shard& shard, std::function<void(BusState)> handler) = 0;
  /// Messages that slow subscriptions have dropped since the start.
  [[nodiscard]] virtual std::uint64_t dropped() const noexcept = 0;

  /// Hands the message to the transport. While disconnected it is kept in a bounded buffer, then `unavailable`. If
  /// nobody listens to its subject, its reply subject is told so (kNobodyListens).
  virtual Result<void> publish(Message message) = 0;
  /// Publishes with an inbox of its own and gives the first answer. `unavailable` at once when nobody listens.
  virtual async::Task<Message> request(Message message, std::chrono::milliseconds timeout) = 0;
  virtual Result<std::unique_ptr<Subscription>> subscribe(async::Shard& shard, std::string subject,
                                                          SubscribeOptions options, MessageHandler handler) = 0;
  /// A subject nobody else has, to collect several answers on.
  virtual std::string new_inbox() = 0;
  /// Everything published or subscribed before has reached the server.
  virtual async::Task<void> flush(std::chrono::milliseconds timeout) = 0;

  /// Opens a bucket as it is, or creates it with the defaults of control-plane facts 4.1.
  virtual async::Task<std::shared_ptr<KeyValue>> open_bucket(std::string name) = 0;

  /// Ends subscriptions after what has arrived is handled, flushes what is published, closes.
  virtual async::Task<void> drain(std::chrono::milliseconds timeout) = 0;
};

/// True if `subject` (without wildcards) falls under `pattern`.
bool matches(std::string_view pattern, std::string_view subject) noexcept;
/// invalid_argument unless it is a subject that can be published to / subscribed to.
Result<void> check_subject(std::string_view subject);
Result<void> check_pattern(std::string_view pattern);
/// True if a whole token of `pattern` is '*' or '>'.
bool has_wildcard(std::string_view pattern) noexcept;
Result<void> check_queue_group(std::string_view group);
/// What every bus asks of a message: subject, reply and headers as NATS has them, and its size.
Result<void> check_message(const Message& message, std::size_t max_payload);

}  // namespace weft::bus
