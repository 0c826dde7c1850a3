// SPDX-License-Identifier: Apache-2.0
/// The table that every call is routed by: (source, link name, interface) -> Target. A snapshot is immutable; a change
/// makes a new one that shares everything with the old one but a bucket for each changed route and, where a target came
/// or went, one page of targets. So 100,000 links change as fast as ten do, and a target that 100,000 routes lead to
/// comes and goes as fast as any other.
///
/// Interfaces are keys without version ("wasi:keyvalue/store"), as links have them (data-plane facts 3.6). Threads: a
/// snapshot is immutable; RoutingTable, which makes them, belongs to the control shard.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dispatch/link_counters.hpp"
#include "dispatch/target.hpp"

namespace weft::dispatch {

/// Where one interface of one link leads.
struct Route {
  std::string link_name;
  std::string interface;           ///< "wasi:keyvalue/store"
  std::string target_id;           ///< also when it does not run
  std::shared_ptr<Target> target;  ///< for set_routes(): as if set_target() were called with it; null: as known before
};

/// What find() gives; it borrows from the snapshot.
struct FoundRoute {
  std::string_view target_id;
  const std::shared_ptr<Target>* target = nullptr;  ///< *target is null if the target does not run (here)
  std::span<LinkSlot> counters = {};                ///< by shard; may be fewer

  /// False: there is no such link.
  explicit operator bool() const noexcept { return target != nullptr; }
};

class RoutingSnapshot {
 public:
  RoutingSnapshot();

  /// Some tens of nanoseconds; no lock, no allocation.
  [[nodiscard]] FoundRoute find(std::string_view source, std::string_view link_name,
                                std::string_view interface) const noexcept;

 private:
  friend class RoutingTable;
  struct Entry;
  struct Bucket;
  static constexpr std::size_t kBuckets = 4096;
  static constexpr std::size_t kPageTargets = 64;
  using TargetPage = std::array<std::shared_ptr<Target>, kPageTargets>;

  std::array<std::shared_ptr<const Bucket>, kBuckets> buckets_;
  std::vector<std::shared_ptr<const TargetPage>> targets_;  ///< pages, by a target's number
};

/// What stands for a target that does not run here; null: nothing does.
using Elsewhere = std::function<std::shared_ptr<Target>(const std::string& target_id)>;

/// Makes snapshots. Control shard.
class RoutingTable {
 public:
  /// Counts calls on so many shards. Routes to what does not run here lead to what `elsewhere` gives, if there is one.
  explicit RoutingTable(std::size_t counted_shards = 0, Elsewhere elsewhere = {});
  ~RoutingTable();
  RoutingTable(const RoutingTable&) = delete;
  RoutingTable& operator=(const RoutingTable&) = delete;

  /// Replaces the routes of one source (as its stored links say); none forgets the source. A later route wins over an
  /// earlier one with the same link name and interface. What does not change costs nothing.
  void set_routes(std::string_view source, std::vector<Route> routes);
  /// A target has come (or gone: null): every route to it, of any source, leads there from the next snapshot on.
  void set_target(std::string_view target_id, const std::shared_ptr<Target>& target);
  /// The snapshot with all changes so far.
  [[nodiscard]] std::shared_ptr<const RoutingSnapshot> snapshot();
  /// What went over every route that has been used, in the order of their names. One whose target changed is a new one.
  [[nodiscard]] std::vector<LinkFigures> figures() const;

 private:
  /// By (link name, interface): the number of the target.
  using Routes = std::map<std::pair<std::string, std::string>, std::uint32_t>;
  struct TargetUse;

  RoutingSnapshot& writable();
  std::uint32_t number_of(std::string_view target_id);
  void add_route(std::uint32_t number);
  void release(std::uint32_t number);
  void store_target(std::uint32_t number, const std::shared_ptr<Target>& target);
  void put_entry(std::string_view source, std::string_view link_name, std::string_view interface, std::uint32_t number);
  void drop_entry(std::string_view source, std::string_view link_name, std::string_view interface);

  std::size_t counted_shards_;
  Elsewhere elsewhere_;
  std::map<std::string, Routes, std::less<>> sources_;
  std::map<std::string, std::uint32_t, std::less<>> numbers_;  ///< of targets, by id
  std::vector<TargetUse> uses_;                                ///< by number
  std::vector<std::uint32_t> free_numbers_;
  std::shared_ptr<RoutingSnapshot> current_;
  bool given_out_ = false;  ///< current_ is shared: the next change makes a copy
};

}  // namespace weft::dispatch
