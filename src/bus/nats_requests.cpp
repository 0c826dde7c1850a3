// SPDX-License-Identifier: Apache-2.0
#include "bus/nats_requests.hpp"

#include <charconv>
#include <optional>
#include <utility>

namespace weft::bus {
namespace {

std::optional<std::uint64_t> read_id(std::string_view token) {
  std::uint64_t id = 0;
  const auto [end, fault] = std::from_chars(token.data(), token.data() + token.size(), id);
  if (fault != std::errc{} || end != token.data() + token.size()) {
    return std::nullopt;
  }
  return id;
}

}  // namespace

NatsRequests::Ticket NatsRequests::add(Done done) {
  const std::lock_guard lock(mutex_);
  const auto id = next_++;
  waiting_.emplace(id, std::move(done));
  return {.id = id, .reply = inbox_ + '.' + std::to_string(id)};
}

void NatsRequests::remove(std::uint64_t id) {
  decltype(waiting_)::node_type removed;  // destroyed outside the lock: it may resume its waiter
  const std::lock_guard lock(mutex_);
  removed = waiting_.extract(id);
}

void NatsRequests::answer(std::string_view subject, Result<Message> answer) {
  if (subject.size() <= inbox_.size() + 1) {
    return;
  }
  const auto id = read_id(subject.substr(inbox_.size() + 1));
  if (!id) {
    return;
  }
  decltype(waiting_)::node_type removed;
  {
    const std::lock_guard lock(mutex_);
    removed = waiting_.extract(*id);
  }
  if (removed) {
    removed.mapped().complete(std::move(answer));
  }
}

void NatsRequests::fail_all(const Error& error) {
  decltype(waiting_) failed;
  {
    const std::lock_guard lock(mutex_);
    failed.swap(waiting_);
  }
  for (const auto& [id, done] : failed) {
    done.complete(Error(error));
  }
}

std::size_t NatsRequests::size() {
  const std::lock_guard lock(mutex_);
  return waiting_.size();
}

}  // namespace weft::bus
