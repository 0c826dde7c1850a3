// SPDX-License-Identifier: Apache-2.0
/// Stands in front of every target that calls of a host go to, so that they can be watched: what is here for those who
/// call it here and for those who call it from elsewhere, and what is elsewhere for those here. While nobody watches, a
/// call passes through after one look at a pointer.
///
/// A watched call is the same call: its parameters are not taken over, its results and errors are told on as they are;
/// only what a caller and a callee of one host save by knowing each other they do not save meanwhile. Ownership and
/// threads: those of Target; shares the target and the tap.
#pragma once

#include <memory>

#include "host/spy/call_tap.hpp"
#include "host/target_in_front.hpp"
#include "wire/spy.hpp"

namespace weft::host {

class TappedTarget final : public TargetInFront {
 public:
  /// `tap` outlives all calls.
  TappedTarget(const CallTap& tap, std::shared_ptr<dispatch::Target> target, wire::CallWay way);

  [[nodiscard]] std::unique_ptr<dispatch::PendingCall> invoke(async::Shard& shard,
                                                              const dispatch::Invocation& invocation,
                                                              dispatch::CallHandler& handler) override;

 private:
  [[nodiscard]] std::unique_ptr<web::Responder> on_request(web::Exchange& exchange) override;

  const CallTap& tap_;
  wire::CallWay way_;
};

}  // namespace weft::host
