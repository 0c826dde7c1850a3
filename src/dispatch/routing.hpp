// SPDX-License-Identifier: Apache-2.0
/// The table that every call is routed by: (source, link name, interface) -> Target. Immutable; a change makes a new
/// snapshot that shares all but one bucket with the old one, so 100,000 links change as fast as ten do.
///
/// Interfaces are keys without version ("wasi:keyvalue/store"), as links have them (data-plane facts 3.6). Threads: a
/// snapshot is immutable; RoutingTable, which makes them, belongs to the control shard.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "dispatch/target.hpp"

namespace weft::dispatch {

/// Where one interface of one link leads.
struct Route {
  std::string link_name;
  std::string interface;           ///< "wasi:keyvalue/store"
  std::string target_id;           ///< also when it does not run
  std::shared_ptr<Target> target;  ///< null: the target does not run (here)
};

/// All routes of one source.
class SourceRoutes;

class RoutingSnapshot {
 public:
  RoutingSnapshot();

  /// Null if there is no such link. Some tens of nanoseconds; no lock, no allocation.
  [[nodiscard]] const Route* find(std::string_view source, std::string_view link_name,
                                  std::string_view interface) const noexcept;

 private:
  friend class RoutingTable;
  static constexpr std::size_t kBuckets = 4096;
  struct Bucket;
  std::array<std::shared_ptr<const Bucket>, kBuckets> buckets_;
};

/// Makes snapshots. Control shard.
class RoutingTable {
 public:
  /// Replaces the routes of one source (as its stored links say); `resolve` gives the target of an id, or null. A later
  /// route wins over an earlier one with the same link name and interface.
  void set_routes(std::string_view source, std::vector<Route> routes);
  /// A target has come (or gone: null): every route to it, of any source, leads there from the next snapshot on.
  void set_target(std::string_view target_id, const std::shared_ptr<Target>& target);
  /// The snapshot with all changes so far.
  [[nodiscard]] std::shared_ptr<const RoutingSnapshot> snapshot() const { return current_; }

 private:
  std::shared_ptr<const RoutingSnapshot> current_ = std::make_shared<RoutingSnapshot>();
};

}  // namespace weft::dispatch
