// SPDX-License-Identifier: Apache-2.0
#include "guest/component_call.hpp"

#include <utility>

namespace weft::guest {

ComponentCall::~ComponentCall() {
  if (!is_over()) {
    end(true);
  }
}

void ComponentCall::on_polled(engine::Polled polled) {
  if (!polled.done) {
    return;
  }
  if (auto done = outcome(); !done) {
    return fail(why(std::move(done).error()));
  }
  auto& handler = handler_;
  const auto call = end(false);
  if (auto* caller = dynamic_cast<GuestImports*>(&handler)) {
    return caller->take_results(*call);
  }
  if (auto* taker = dynamic_cast<CallStatsTaker*>(&handler)) {
    taker->take_stats(call->stats());
  }
  handler.on_results(call->result());
}

void ComponentCall::fail(Error error) {
  auto& handler = handler_;
  const auto call = end(true);
  handler.on_error(std::move(error));
}

std::unique_ptr<engine::Call> ComponentCall::end(bool failed) noexcept {
  imports().cancel();
  leave(failed);
  return take_call();
}

}  // namespace weft::guest
