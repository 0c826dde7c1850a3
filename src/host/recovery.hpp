// SPDX-License-Identifier: Apache-2.0
/// Counts what a host runs again after its start, so that it says "ready" when that serves and not before. One that
/// fails at its first attempt counts as done: it is tried again, and holds nobody up. Threads: the control shard.
#pragma once

#include <chrono>
#include <cstdint>
#include <set>
#include <string>

#include "async/revision_gate.hpp"

namespace weft::host {

class Recovery {
 public:
  explicit Recovery(async::Shard& control) : gate_(control) {}

  void begin(const std::string& id) {
    if (pending_.insert(id).second) {
      ++begun_;
    }
  }
  /// The first attempt has ended, either way.
  void attempted(const std::string& id) {
    if (pending_.erase(id) != 0) {
      gate_.seen(++done_);
    }
  }
  /// Until all that was begun so far has been attempted, or for `timeout`.
  boost::asio::awaitable<void> wait(std::chrono::milliseconds timeout) { return gate_.wait_for(begun_, timeout); }

 private:
  std::set<std::string> pending_;
  std::uint64_t begun_ = 0;
  std::uint64_t done_ = 0;
  async::RevisionGate gate_;
};

}  // namespace weft::host
