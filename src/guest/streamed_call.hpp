// SPDX-License-Identifier: Apache-2.0
/// One call of a component's function that is async, or has streams or futures: it returns before it has ended. Its
/// caller has the results and the channels beside them from then on, and no more to do with the call; the guest goes on
/// until none of its streams is open, and holds its permit so long.
///
/// Ownership: by itself, between begin() and its end; a caller's PendingCall cancels it until its results are told.
/// Borrows its handler until then. Threads: the shard it began on. Limits: the component's time limit counts until the
/// guest has returned; after that its pace is that of whoever reads and writes its streams.
#pragma once

#include <memory>

#include "dispatch/target.hpp"
#include "guest/component_shard.hpp"

namespace weft::guest {

/// As Target::invoke().
std::unique_ptr<dispatch::PendingCall> begin_streamed_call(ComponentShard& owner, const FoundFunction& function,
                                                           const dispatch::Invocation& invocation,
                                                           dispatch::CallHandler& handler);

}  // namespace weft::guest
