// SPDX-License-Identifier: Apache-2.0
/// What a daemon tells monitoring, as plain data, and that data as text in Prometheus' exposition format 0.0.4. The
/// list of names is in docs/metrics.md. Pure; any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "dispatch/link_counters.hpp"
#include "guest/component_stats.hpp"

namespace weft::host {

struct Metrics {
  struct Component {
    std::string id;
    guest::ComponentStats stats;
  };
  /// A place of the supervision tree.
  struct Place {
    std::string path;  ///< "components/cart"
    std::string kind;
    std::uint64_t restarts = 0;
    bool is_ready = false;
  };
  struct Operations {
    std::string kind;  ///< "component.scale"
    std::uint64_t done = 0;
    std::uint64_t failed = 0;
  };

  std::string version;
  std::string host_id;
  std::string host_name;
  std::string lattice;
  std::chrono::seconds uptime{0};
  std::vector<Component> components;
  std::uint64_t providers = 0;
  std::uint64_t links = 0;
  std::vector<dispatch::LinkFigures> link_calls;
  std::vector<Place> places;
  std::vector<Operations> operations;
  std::uint64_t operations_running = 0;
  bool bus_connected = false;
  std::uint64_t bus_dropped = 0;
  std::uint64_t exceptions = 0;
  bool engine_pooling = false;
  // Of the process.
  std::uint64_t memory_bytes = 0;
  double cpu_seconds = 0;
};

inline constexpr const char* kMetricsContentType = "text/plain; version=0.0.4; charset=utf-8";

/// An interface of a component that was never called has counters, but no histogram.
std::string render(const Metrics& metrics);

}  // namespace weft::host
