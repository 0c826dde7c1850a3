// SPDX-License-Identifier: Apache-2.0
#include "bus/fallback_bus.hpp"

#include <fmt/format.h>

#include <utility>

namespace weft::bus {
namespace {

/// One subscription in both places; both end on its shard.
class BothSubscriptions final : public Subscription {
 public:
  BothSubscriptions(std::unique_ptr<Subscription> lattice, std::unique_ptr<Subscription> local)
      : lattice_(std::move(lattice)), local_(std::move(local)) {}

  void drain(std::move_only_function<void()> done) override {
    lattice_->drain([this, done = std::move(done)]() mutable { local_->drain(std::move(done)); });
  }

 private:
  std::unique_ptr<Subscription> lattice_;
  std::unique_ptr<Subscription> local_;
};

}  // namespace

FallbackBus::FallbackBus(std::unique_ptr<Bus> lattice) : lattice_(std::move(lattice)) {}

FallbackBus::~FallbackBus() = default;

std::unique_ptr<Subscription> FallbackBus::on_state(async::Shard& shard, std::function<void(BusState)> handler) {
  return lattice_->on_state(shard, std::move(handler));
}

std::uint64_t FallbackBus::dropped() const noexcept { return lattice_->dropped() + local_.dropped(); }

Result<void> FallbackBus::publish(Message message) {
  if (message.subject.starts_with(kMemoryInbox)) {
    return local_.publish(std::move(message));
  }
  if (!is_away()) {
    return lattice_->publish(std::move(message));
  }
  WEFT_CHECK(local_.publish(message));
  return message.reply.empty() ? lattice_->publish(std::move(message)) : Result<void>();
}

async::Task<Message> FallbackBus::request(Message message, std::chrono::milliseconds timeout) {
  if (!is_away()) {
    co_return co_await lattice_->request(std::move(message), timeout);
  }
  const auto subject = message.subject;
  auto answer = co_await local_.request(std::move(message), timeout);
  if (!answer && answer.error().code() == Errc::unavailable) {
    co_return Error(Errc::unavailable,
                    fmt::format("nobody on this host listens on {}, and {} does not answer", subject, info().url),
                    "try again when the NATS server is back", Blame::environment);
  }
  co_return answer;
}

Result<std::unique_ptr<Subscription>> FallbackBus::subscribe(async::Shard& shard, std::string subject,
                                                             SubscribeOptions options, MessageHandler handler) {
  // Shared by the two subscriptions, which call it on one shard.
  auto shared = std::make_shared<MessageHandler>(std::move(handler));
  const auto call = [shared](Message message) { (*shared)(std::move(message)); };
  WEFT_TRY(auto local, local_.subscribe(shard, subject, options, call));
  WEFT_TRY(auto lattice, lattice_->subscribe(shard, std::move(subject), std::move(options), call));
  return std::make_unique<BothSubscriptions>(std::move(lattice), std::move(local));
}

async::Task<void> FallbackBus::flush(std::chrono::milliseconds timeout) {
  if (is_away()) {
    co_return Result<void>();
  }
  auto flushed = co_await lattice_->flush(timeout);
  co_return flushed || !is_away() ? flushed : Result<void>();
}

async::Task<std::shared_ptr<KeyValue>> FallbackBus::open_bucket(std::string name) {
  return lattice_->open_bucket(std::move(name));
}

async::Task<void> FallbackBus::drain(std::chrono::milliseconds timeout) {
  const auto local = co_await local_.drain(timeout);
  const auto lattice = co_await lattice_->drain(timeout);
  co_return lattice ? local : lattice;
}

}  // namespace weft::bus
