// SPDX-License-Identifier: Apache-2.0
/// The requests of one bus that wait for an answer: one inbox subscription `{prefix}.{unique}.*` for all of them, the
/// last token tells which. An answer nobody waits for any more is dropped.
///
/// A lock guards the table; nats.c takes one of its own for every message anyway. Answers go to the waiting task by its
/// own executor. Owned by the connection, shared with the callback of its subscription. Threads: any.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "async/completion.hpp"
#include "bus/message.hpp"

namespace weft::bus {

class NatsRequests {
 public:
  using Done = async::Completion<Message>;
  struct Ticket {
    std::uint64_t id = 0;
    std::string reply;
  };

  /// `inbox`: the subject without its last token.
  explicit NatsRequests(std::string inbox) : inbox_(std::move(inbox)) {}

  [[nodiscard]] std::string pattern() const { return inbox_ + ".*"; }
  Ticket add(Done done);
  /// After this the waiter is not completed from here.
  void remove(std::uint64_t id);
  /// Hands an answer to its waiter.
  void answer(std::string_view subject, Result<Message> answer);
  /// What was sent before the connection broke gets no answer: its waiters learn at once.
  void fail_all(const Error& error);
  [[nodiscard]] std::size_t size();

 private:
  const std::string inbox_;
  std::mutex mutex_;
  std::uint64_t next_ = 1;
  std::unordered_map<std::uint64_t, Done> waiting_;
};

}  // namespace weft::bus
