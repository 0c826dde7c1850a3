// SPDX-License-Identifier: Apache-2.0
#include "bus/nats_bus.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "async/blocking_pool.hpp"
#include "bus/nats_connection.hpp"
#include "bus/nats_key_value.hpp"
#include "bus/subscription.hpp"

namespace weft::bus {

namespace {

/// For the server to tell that it sends nothing more.
constexpr std::chrono::milliseconds kDrainTimeout{2'000};

}  // namespace

Result<std::unique_ptr<NatsBus>> NatsBus::connect(NatsOptions options) {
  WEFT_TRY(auto connection, NatsConnection::open(std::move(options)));
  return std::unique_ptr<NatsBus>(new NatsBus(std::move(connection)));
}

NatsBus::~NatsBus() { connection_->close(); }

BusInfo NatsBus::info() const {
  return {.url = connection_->url(),
          .jetstream_domain = connection_->options().jetstream_domain,
          .max_payload = connection_->max_payload()};
}

BusState NatsBus::state() const noexcept { return connection_->state(); }

std::unique_ptr<Subscription> NatsBus::on_state(async::Shard& shard, std::function<void(BusState)> handler) {
  return connection_->on_state(shard, std::move(handler));
}

std::uint64_t NatsBus::dropped() const noexcept { return connection_->dropped(); }

Result<void> NatsBus::publish(Message message) {
  WEFT_CHECK(check_subject(message.subject));
  if (!message.reply.empty()) {
    WEFT_CHECK(check_subject(message.reply));
  }
  return connection_->publish(message);
}

async::Task<Message> NatsBus::request(Message message, std::chrono::milliseconds timeout) {
  WEFT_CO_CHECK(check_subject(message.subject));
  co_return co_await connection_->request(std::move(message), timeout);
}

Result<std::unique_ptr<Subscription>> NatsBus::subscribe(async::Shard& shard, std::string subject,
                                                         SubscribeOptions options, MessageHandler handler) {
  WEFT_CHECK(check_pattern(subject));
  WEFT_CHECK(check_queue_group(options.queue_group));
  const auto when_full = options.when_full == WhenFull::drop_oldest ? QueueFull::drop_oldest : QueueFull::drop_newest;
  auto mailbox =
      std::make_shared<Mailbox>(shard, options.max_pending, when_full, std::move(handler), options.on_dropped);
  WEFT_TRY(auto delivery, connection_->subscribe(subject, options, mailbox));
  return std::make_unique<EndingSubscription>(
      [mailbox, delivery] {
        mailbox->close();
        delivery->end();
      },
      [mailbox, delivery, connection = connection_](EndingSubscription::Done done) {
        if (connection->state() != BusState::connected) {
          return mailbox->finish(std::move(done));  // no server that could still send
        }
        // nats.c tells on a thread of its own when the last message has been received; it may copy what it calls.
        const auto shared = std::make_shared<EndingSubscription::Done>(std::move(done));
        delivery->drain(kDrainTimeout, [mailbox, shared] { mailbox->finish([shared] { (*shared)(); }); });
      });
}

std::string NatsBus::new_inbox() {
  auto inbox = connection_->new_inbox();
  // It fails when there is no memory, and then nothing else works either.
  return inbox ? *std::move(inbox) : connection_->options().inbox_prefix;
}

async::Task<void> NatsBus::flush(std::chrono::milliseconds timeout) { return connection_->flush(timeout); }

async::Task<std::shared_ptr<KeyValue>> NatsBus::open_bucket(std::string name) {
  return NatsKeyValue::open(connection_, std::move(name), IfMissing::create);
}

async::Task<std::shared_ptr<KeyValue>> NatsBus::open_existing_bucket(std::string name) {
  return NatsKeyValue::open(connection_, std::move(name), IfMissing::fail);
}

async::Task<void> NatsBus::drain(std::chrono::milliseconds timeout) {
  const auto connection = connection_;
  const auto end = std::chrono::steady_clock::now() + timeout;
  const auto left = [end] {
    const auto rest = std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
    return std::max(rest, std::chrono::milliseconds{1});
  };
  // Closed also when the rest was too slow or is cancelled: the first failure is told.
  auto outcome = co_await connection->drain_subscriptions(timeout);
  if (outcome && connection->state() == BusState::connected) {
    outcome = co_await connection->flush(left());
  }
  async::BlockingPool pool("nats-close", 1);
  auto closed = co_await pool.run([connection]() -> Result<void> {
    connection->close();
    return {};
  });
  co_return outcome ? closed : outcome;
}

std::size_t NatsBus::held_callbacks() const { return connection_->gate()->inside(); }

std::size_t NatsBus::waiting_requests() const { return connection_->waiting_requests(); }

}  // namespace weft::bus
