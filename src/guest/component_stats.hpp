// SPDX-License-Identifier: Apache-2.0
/// Figures of one component's calls, as plain data for metrics.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dispatch/call_counters.hpp"

namespace weft::guest {

struct InterfaceStats : dispatch::CallFigures {
  std::string interface;  ///< as exported; empty: the component's own functions, and what it does not export
};

/// The same as it is counted: written by one shard, read by any thread.
using InterfaceCounters = dispatch::CallCounters;

struct ComponentStats {
  std::uint32_t running = 0;  ///< HTTP requests too
  std::uint32_t queued = 0;
  std::uint32_t max_instances = 0;  ///< 0: no limit
  std::uint64_t shed = 0;           ///< refused because the queue was full
  std::vector<InterfaceStats> interfaces;
};

}  // namespace weft::guest
