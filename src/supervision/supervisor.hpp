// SPDX-License-Identifier: Apache-2.0
/// A cell with children: starts them in order, stops them in reverse, restarts those that fail. Inside the module only.
///
/// How it works: events only mark places (pending, must_stop), then advance() does what the marks allow: first stops
/// the last marked child that is alive, one at a time; when none is left starts what is pending, each in its turn. So a
/// failure in the middle of a restart is nothing special: it changes the marks. Marked places are listed, so that what
/// happens to one of ten thousand children does not look at the others. Threads: the tree's.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "supervision/cell.hpp"

namespace weft::supervision {

class Supervisor final : public Cell {
 public:
  Supervisor(Core& core, Supervisor* parent, NodeId id, SupervisorSpec spec);
  ~Supervisor() override;

  void begin_start() override;
  void begin_stop(Exit reason) override;
  bool traps(NodeId /*linked*/, const Exit& /*exit*/) override { return false; }
  [[nodiscard]] Restart restart() const override { return spec_.restart; }
  [[nodiscard]] FirstStart first_start() const override { return spec_.first_start; }
  [[nodiscard]] Gate gate() const override { return Gate::ready; }
  void describe(NodeInfo& info) const override;
  /// By id, which is the order of their start.
  using Children = std::map<NodeId, std::unique_ptr<Cell>>;
  [[nodiscard]] const Children& children() const noexcept { return children_; }
  /// Null: there is none of that name.
  [[nodiscard]] Cell* find_child(std::string_view child_name) const noexcept;

  // Commands for its children.
  Result<NodeId> add(AnySpec spec, Done done);
  Result<void> start_child(Cell& child, Done done);
  void stop_child(Cell& child, Done done);
  void remove(Cell& child, Done done);

  // What a child reports.
  void child_progressed(Cell& child);
  /// `child` may be gone when this returns.
  void child_down(Cell& child, const Exit& exit);
  /// Its state is about to change.
  void child_changes(NodeState from, NodeState to) noexcept;

 private:
  enum class Verdict { restart, leave, give_up, escalate };

  [[nodiscard]] bool accepts_work() const noexcept { return state == NodeState::starting || state == NodeState::ready; }
  [[nodiscard]] bool will_run() const noexcept;
  Cell& adopt(std::unique_ptr<Cell> child);
  [[nodiscard]] bool in_group(const Cell& child, const Cell& failed) const noexcept;
  [[nodiscard]] bool turn_of(const Cell& child) const noexcept;
  [[nodiscard]] bool all_started() const noexcept;
  Verdict judge(Cell& child, const Exit& exit);
  bool first_start_failed(Cell& child, const Exit& exit);
  void unexpected_end(Cell& child, const Exit& exit);
  void restart_group(Cell& failed);
  void settle(Cell& child, NodeState state, const Exit& exit);
  void set_pending(Cell& child, bool in_order, Instant not_before);
  void stop_pending(Cell& child) noexcept;
  void mark_for_stop(Cell& child);
  void unmark(Cell& child) noexcept;
  void erase(Cell& child);
  void advance();
  bool advance_stops();
  void advance_starts();
  void start_or_wait(Cell& child);
  void wait_for(Cell& child);
  void finish();

  SupervisorSpec spec_;  ///< without its children
  Children children_;
  std::map<std::pair<std::string_view, NodeId>, Cell*> by_name_;  ///< the same; views of their names
  std::size_t alive_children_ = 0;
  std::set<NodeId> due_;        ///< those that are pending and do not wait for a timer
  std::set<NodeId> must_stop_;  ///< those with that mark
  std::set<NodeId> untold_;     ///< of these, those that have not been told yet
  std::vector<Instant> restarts_within_;
  std::optional<Exit> stopping_for_;
};

}  // namespace weft::supervision
