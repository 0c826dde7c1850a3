// SPDX-License-Identifier: Apache-2.0
/// Serves this host's components and providers to the lattice: one queue subscription for each of their functions and
/// shard, and each message a call of the target, on the shard where it arrived. The same path as every call: only that
/// its caller is a message.
///
/// A call is accepted before it waits for its turn at the target, so that nobody takes a busy host for a dead one.
/// Ownership: by the node; borrows the Endpoint, shares the targets for as long as they are served and called.
/// Threads: serve(), withdraw() and close() on the control side, everything of a call on its shard.
/// Limits: EndpointConfig::max_incoming calls for each shard; what is more is refused.
/// Source: data-plane facts 1.6, 1.13, 3.1, 3.2.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "async/task.hpp"
#include "dispatch/target.hpp"
#include "wrpc/endpoint.hpp"

namespace weft::wrpc {

class ShardIngress;

class Ingress {
 public:
  explicit Ingress(Endpoint& endpoint);
  ~Ingress();
  Ingress(const Ingress&) = delete;
  Ingress& operator=(const Ingress&) = delete;

  /// Calls of `target` from the lattice reach it from now on, and no longer what was served under its id before: calls
  /// that run there go on. Errors: the bus's; what was served before is then served on.
  async::Task<void> serve(std::shared_ptr<dispatch::Target> target);
  /// Done when no new call of that id comes any more. Those that run go on.
  async::Task<void> withdraw(std::string id);
  /// Ends every call with an error.
  async::Task<void> close();

 private:
  Endpoint& endpoint_;
  std::vector<std::unique_ptr<ShardIngress>> per_shard_;
};

}  // namespace weft::wrpc
