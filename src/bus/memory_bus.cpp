// SPDX-License-Identifier: Apache-2.0
#include "bus/memory_bus.hpp"

#include <atomic>
#include <utility>

#include "bus/local_dispatch.hpp"
#include "bus/memory_key_value.hpp"

namespace weft::bus {

struct MemoryBus::State {
  std::shared_ptr<LocalDispatch> dispatch = std::make_shared<LocalDispatch>(BusState::connected);
  KeyValueFactory buckets;
  /// What a host says of ten thousand components is above what NATS carries by default, and below what a frame of the
  /// socket does.
  BusInfo info{.url = "memory:", .jetstream_domain = {}, .max_payload = std::size_t{8} << 20};
  std::atomic<std::uint64_t> next_inbox{1};
};

MemoryBus::MemoryBus(KeyValueFactory buckets) : state_(std::make_shared<State>()) {
  state_->buckets = buckets ? std::move(buckets) : make_memory_buckets();
}

MemoryBus::~MemoryBus() { state_->dispatch->fail_all_answers(Error(Errc::unavailable, "the bus is closed")); }

BusInfo MemoryBus::info() const { return state_->info; }

BusState MemoryBus::state() const noexcept { return state_->dispatch->state(); }

std::unique_ptr<Subscription> MemoryBus::on_state(async::Shard& shard, std::function<void(BusState)> handler) {
  return state_->dispatch->on_state(shard, std::move(handler));
}

std::uint64_t MemoryBus::dropped() const noexcept { return state_->dispatch->dropped(); }

Result<void> MemoryBus::publish(Message message) {
  WEFT_TRY(const bool is_heard, publish_and_tell(message));
  if (!is_heard && !message.reply.empty()) {
    state_->dispatch->deliver({.subject = std::move(message.reply),
                               .reply = {},
                               .headers = {{.name = std::string(kStatusHeader), .value = std::string(kNobodyListens)}},
                               .payload = {}});
  }
  return {};
}

Result<bool> MemoryBus::publish_and_tell(const Message& message) {
  WEFT_CHECK(check_message(message, state_->info.max_payload));
  if (state() == BusState::closed) {
    return Error(Errc::unavailable, "the bus is closed");
  }
  return state_->dispatch->deliver(message);
}

async::Task<Message> MemoryBus::request(Message message, std::chrono::milliseconds timeout) {
  message.reply = new_inbox();
  std::string inbox = message.reply;
  std::string subject = message.subject;
  co_return co_await state_->dispatch->await_answer(std::move(inbox), timeout, std::move(subject),
                                                    [this, message = std::move(message)]() -> Result<void> {
                                                      WEFT_TRY(const bool is_heard, publish_and_tell(message));
                                                      if (!is_heard) return no_responders(message.subject);
                                                      return {};
                                                    });
}

Result<std::unique_ptr<Subscription>> MemoryBus::subscribe(async::Shard& shard, std::string subject,
                                                           SubscribeOptions options, MessageHandler handler) {
  return state_->dispatch->subscribe(shard, std::move(subject), std::move(options), std::move(handler));
}

std::string MemoryBus::new_inbox() { return std::string(kMemoryInbox) + std::to_string(state_->next_inbox++); }

async::Task<void> MemoryBus::flush(std::chrono::milliseconds) {
  // publish() and subscribe() have done all there is to do.
  if (state() == BusState::closed) {
    co_return Error(Errc::unavailable, "the bus is closed");
  }
  co_return Result<void>();
}

async::Task<std::shared_ptr<KeyValue>> MemoryBus::open_bucket(std::string name) {
  WEFT_CO_CHECK(check_bucket_name(name));
  co_return co_await state_->buckets(std::move(name));
}

async::Task<void> MemoryBus::drain(std::chrono::milliseconds timeout) {
  const auto state = state_;
  auto outcome = co_await state->dispatch->finish(timeout);
  state->dispatch->fail_all_answers(Error(Errc::unavailable, "the bus was closed before an answer came"));
  state->dispatch->set_state(BusState::closed);
  co_return outcome;
}

}  // namespace weft::bus
