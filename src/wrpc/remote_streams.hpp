// SPDX-License-Identifier: Apache-2.0
/// A call of a target elsewhere that has streams beside its parameters or results: what RemoteTarget begins when the
/// invocation says so. Its streams go on when its results have been told, and it ends when nobody reads or writes any
/// more; until then the endpoint keeps it.
/// Threads: its shard. Errors: as RemoteTarget; and `refused` for results that end without a byte.
#pragma once

#include <memory>
#include <string>

#include "dispatch/target.hpp"
#include "wrpc/endpoint.hpp"

namespace weft::wrpc {

/// As Target::invoke().
std::unique_ptr<dispatch::PendingCall> begin_streamed_call(ShardEndpoint& endpoint, const std::string& target,
                                                           const dispatch::Invocation& invocation,
                                                           dispatch::CallHandler& handler);

}  // namespace weft::wrpc
