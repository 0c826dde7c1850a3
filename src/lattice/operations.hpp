// SPDX-License-Identifier: Apache-2.0
/// The journal of commands: each has an id from its arrival on, and a client can wait until it serves, or learn why it
/// does not. "Accepted" is not "ready".
///
/// Keeps the last `kKept` operations; one that still runs is never forgotten. Ownership: by the host. Threads: the
/// control shard.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "async/shard.hpp"
#include "async/task.hpp"

namespace weft::lattice {

enum class OperationState : std::uint8_t { running, done, failed };

struct Operation {
  std::string id;
  std::string kind;   ///< "component.scale"
  std::string about;  ///< the component, provider, link or configuration
  OperationState state = OperationState::running;
  std::string message;   ///< what is being done, what came of it, or why it failed
  std::string started;   ///< RFC 3339
  std::string finished;  ///< empty while it runs
};

std::string encode(const Operation& operation);
Result<Operation> decode_operation(std::string_view json);
std::string encode(const std::vector<Operation>& operations);
Result<std::vector<Operation>> decode_operations(std::string_view json);

class Operations {
 public:
  static constexpr std::size_t kKept = 1'000;

  /// `new_id` gives ids that sort by time, `now` the time as text.
  Operations(async::Shard& shard, std::function<std::string()> new_id, std::function<std::string()> now);

  /// A command has come; its id.
  std::string begin(std::string_view kind);
  /// What it is about, once it has been read.
  void about(std::string_view id, std::string about);
  void progress(std::string_view id, std::string_view message);
  void done(std::string_view id, std::string_view message);
  void failed(std::string_view id, const Error& error);

  [[nodiscard]] const Operation* find(std::string_view id) const;
  /// How many have ended so far, forgotten ones too, by kind and result.
  struct Count {
    std::string kind;
    std::uint64_t done = 0;
    std::uint64_t failed = 0;
  };
  [[nodiscard]] const std::vector<Count>& counts() const noexcept { return counts_; }
  [[nodiscard]] std::size_t running() const;
  /// Newest first.
  [[nodiscard]] std::vector<Operation> list(std::size_t limit) const;
  /// The operation once it has finished, or as it is after `timeout`. not_found: no such operation (any more).
  async::Task<Operation> wait(std::string id, std::chrono::milliseconds timeout);

 private:
  struct Waiter {
    std::string id;
    boost::asio::steady_timer timer;
  };

  Operation* find_mutable(std::string_view id);
  void finish(std::string_view id, OperationState state, std::string message);
  void count(const Operation& finished);
  void forget_old();

  async::Shard& shard_;
  std::function<std::string()> new_id_;
  std::function<std::string()> now_;
  std::deque<Operation> operations_;  ///< oldest first
  std::list<Waiter> waiters_;
  std::vector<Count> counts_;  ///< there are a dozen kinds
};

}  // namespace weft::lattice
