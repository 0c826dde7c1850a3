// SPDX-License-Identifier: Apache-2.0
/// Sends a command and tells how it ended, not only that it was accepted: from the host's journal where there is one
/// (weft), else from the lattice's events (wasmCloud 1.9), which are listened to before the command is sent.
///
/// Borrows the client and its shard. Threads: the shard. Errors: those of the command; refused with the host's words
/// when the work failed; deadline_exceeded when the outcome is not known in time (the host goes on working).
/// Source: control-plane facts 5.2, 12.1.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "async/shard.hpp"
#include "async/task.hpp"
#include "lattice/control_client.hpp"

namespace weft::lattice {

/// What a host without a journal publishes when it is done.
struct ExpectedEvents {
  std::string host_id;
  std::string_view member;   ///< of the event's data: "component_id"; empty: any event of the host
  std::string id;            ///< what stands there
  std::string_view success;  ///< the event's name; empty: nothing is published, the answer is the outcome
  std::string_view failure;  ///< empty: there is none
};
ExpectedEvents expect_component(std::string host_id, std::string component_id);
ExpectedEvents expect_provider_start(std::string host_id, std::string provider_id);
ExpectedEvents expect_host_stop(std::string host_id);
/// For commands that are answered when they are done.
ExpectedEvents expect_answer(std::string host_id);

struct Outcome {
  Accepted accepted;
  std::string message;  ///< what came of it, in the host's words; may be empty
};

class OutcomeWaiter {
 public:
  using Send = std::function<async::Task<Accepted>()>;

  OutcomeWaiter(ControlClient& client, async::Shard& shard) : client_(client), shard_(shard) {}

  /// `this` must live until the task ends.
  async::Task<Outcome> run(Send send, ExpectedEvents expected, std::chrono::milliseconds timeout);

 private:
  using Clock = std::chrono::steady_clock;

  async::Task<std::string> from_journal(std::string host_id, std::string operation, Clock::time_point deadline);

  ControlClient& client_;
  async::Shard& shard_;
};

}  // namespace weft::lattice
