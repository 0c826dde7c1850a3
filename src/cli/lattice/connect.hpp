// SPDX-License-Identifier: Apache-2.0
/// Connects to what a LatticeTarget names: NATS servers, or the socket of the local daemon. Blocks until connected.
/// Threads: any but the shard's. Errors: unavailable (nobody answers; the hint says how to start a daemon),
/// permission_denied, deadline_exceeded.
#pragma once

#include "async/shard.hpp"
#include "bus/bus.hpp"
#include "cli/lattice/target.hpp"

#include <weft/result.hpp>

#include <memory>

namespace weft::cli {

Result<std::shared_ptr<bus::Bus>> connect_bus(async::Shard& shard, const LatticeTarget& target);

}  // namespace weft::cli
