// SPDX-License-Identifier: Apache-2.0
/// Stands in front of a component where the lattice has a policy service: every call of it, by whatever way it came,
/// goes on only if the service permits it. One that is called for the first time waits for the answer without holding
/// anything up; every later one is a look-up. Without a policy service there is no such target at all.
///
/// Ownership: like any target; shares the component and the policy. Threads: those of Target. Errors: of a call,
/// permission_denied with the service's words, or why there is no answer; a request gets 403 or 503.
/// Waiting calls are bounded by what bounds calls (connections, the ingress, the instances of callers), and by the
/// service's time-out.
#pragma once

#include <memory>

#include "host/call_policy.hpp"
#include "host/target_in_front.hpp"

namespace weft::host {

class PolicedTarget final : public TargetInFront {
 public:
  PolicedTarget(std::shared_ptr<dispatch::Target> target, std::shared_ptr<CallPolicy> policy);

  [[nodiscard]] std::unique_ptr<dispatch::PendingCall> invoke(async::Shard& shard,
                                                              const dispatch::Invocation& invocation,
                                                              dispatch::CallHandler& handler) override;

 private:
  [[nodiscard]] std::unique_ptr<web::Responder> on_request(web::Exchange& exchange) override;

  std::shared_ptr<CallPolicy> policy_;
};

}  // namespace weft::host
