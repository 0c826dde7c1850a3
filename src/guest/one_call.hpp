// SPDX-License-Identifier: Apache-2.0
/// A single call made for a thread outside the host, which waits for it: commands and `weft call`.
#pragma once

#include <weft/host.hpp>

#include <chrono>
#include <functional>
#include <stop_token>
#include <string>

#include "async/shard.hpp"
#include "engine/call.hpp"
#include "guest/component.hpp"

namespace weft::guest {

struct CallAnswer {
  int exit_code = 0;
  engine::Bytes result;
  CallStats stats;
};

/// Runs the component's command, or `function` with its encoded parameters, on `shard`. Blocks; not from a shard.
/// Errors: trap, deadline_exceeded, cancelled (by `stop`), and those of the engine's start.
Result<CallAnswer> run_one_call(async::Shard& shard, const LoadedComponent& component, const engine::Function* function,
                                const engine::Bytes& params, const LogSink& log, const std::stop_token& stop);

}  // namespace weft::guest
