// SPDX-License-Identifier: Apache-2.0
/// A place in the tree: what a worker and a supervisor have in common. Inside the module only.
///
/// A cell reports to its parent through Core; everything its parent notes about it stands here too, so that a
/// supervisor is one list. Owned by its parent; Core borrows it under its id. Threads: the tree's.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "supervision/tree.hpp"

namespace weft::supervision {

class Supervisor;

class Cell {
 public:
  /// What its parent notes about a child.
  struct Place {
    bool wanted = true;      ///< shall run; false after stop_child()
    bool pending = true;     ///< shall be started when its turn comes
    bool in_order = true;    ///< its turn comes after the siblings before it that are in order too
    bool must_stop = false;  ///< is in a group that stops
    bool removing = false;
    enum class First { no, initial, added } first = First::initial;  ///< not ready yet since then
    Instant not_before{};
    TimerId timer = 0;
    Instant ready_since{};
    unsigned failures_in_a_row = 0;
    std::vector<Instant> restarts;  ///< within the intensity's window, when restarts are counted per child
    std::vector<Done> start_waiters;
    std::vector<Done> stop_waiters;
  };

  Cell(Core& core, Supervisor* parent, NodeId id, std::string name, std::string kind)
      : core(core), parent(parent), id(id), name(std::move(name)), kind(std::move(kind)) {}
  virtual ~Cell() = default;
  Cell(const Cell&) = delete;
  Cell& operator=(const Cell&) = delete;

  /// Makes an incarnation. Not alive before.
  virtual void begin_start() = 0;
  /// Begins to end it, for `reason`, unless that has begun already. Alive.
  virtual void begin_stop(Exit reason) = 0;
  /// Told of the end of a cell it is linked with: true when that does not touch it.
  virtual bool traps(NodeId linked, const Exit& exit) = 0;

  [[nodiscard]] virtual Restart restart() const = 0;
  [[nodiscard]] virtual FirstStart first_start() const = 0;
  [[nodiscard]] virtual Gate gate() const = 0;
  virtual void describe(NodeInfo& info) const = 0;

  [[nodiscard]] bool alive() const noexcept { return is_alive(state); }
  [[nodiscard]] NodeInfo info() const;

  // The names are as in NodeInfo. No trailing underscores: open to this module.
  Core& core;
  Supervisor* parent;  ///< null for the root
  NodeId id;
  std::string name;
  std::string kind;
  NodeState state = NodeState::waiting;
  std::uint64_t incarnation = 0;
  std::uint64_t restarts = 0;
  std::optional<WallTime> started_at;
  std::optional<NodeFailure> last_failure;
  Place place;
};

}  // namespace weft::supervision
