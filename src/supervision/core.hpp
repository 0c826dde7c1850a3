// SPDX-License-Identifier: Apache-2.0
/// The tree's inside: who is where, what is to be done next, and who wants to hear of ends. Inside the module only.
///
/// Everything that calls code of others (nodes, handlers) is queued with later() and run by drain() at the end of each
/// entry, so that such code may call the tree again and never finds it half changed. An entry is a message of a Life, a
/// timer, or a call of Tree; the last drains from the loop, so that no handler is called inside a call. Threads: the
/// tree's.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "supervision/tree.hpp"

namespace weft::supervision {

class Cell;
class Supervisor;
class Worker;

class Core : public std::enable_shared_from_this<Core> {
 public:
  Core(std::shared_ptr<Runtime> runtime, TreeOptions options);
  ~Core();
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;

  void later(Work work) { actions_.push_back(std::move(work)); }
  void drain() noexcept;
  /// For calls from outside: drains from the runtime's loop.
  void drain_soon();

  [[nodiscard]] Runtime& runtime() noexcept { return *runtime_; }
  [[nodiscard]] Supervisor& root() noexcept { return *root_; }
  [[nodiscard]] Life life_of(const Cell& cell);

  // Cells.
  [[nodiscard]] NodeId next_id() noexcept { return next_id_++; }
  std::unique_ptr<Cell> make_cell(Supervisor* parent, AnySpec spec);
  [[nodiscard]] Cell* find(NodeId id) noexcept;
  /// Null unless that incarnation is alive.
  [[nodiscard]] Worker* find_worker(NodeId id, std::uint64_t incarnation) noexcept;
  /// A cell and all below it leave the tree.
  void forget(Cell& cell);
  /// Who waits for the start of a cell or one below it is told that it does not come.
  void cancel_starts(Cell& cell);

  // What cells report.
  void set_state(Cell& cell, NodeState state, std::string_view failure = {});
  /// It was started or is ready.
  void progressed(Cell& cell);
  /// Its incarnation has ended.
  void down(Cell& cell, Exit exit);

  // Done handlers, told later.
  void tell(Done done, Result<void> result);
  void tell(std::vector<Done>& waiters, const Result<void>& result);

  // Monitors and links.
  MonitorId monitor(NodeId node, MonitorHandler handler);
  void demonitor(MonitorId monitor) noexcept { monitors_.erase(monitor); }
  Result<void> link(NodeId one, NodeId other);
  void unlink(NodeId one, NodeId other) noexcept;

 private:
  struct Monitor {
    NodeId node;
    MonitorHandler handler;
  };

  void tell_monitors(NodeId node, const Exit& exit);
  void follow_links(NodeId node, const std::string& name, const Exit& exit);

  std::shared_ptr<Runtime> runtime_;
  std::function<void(const Change&)> on_change_;
  std::function<void(const Exit&)> on_end_;
  NodeId next_id_ = 1;
  MonitorId next_monitor_ = 1;
  std::unordered_map<NodeId, Cell*> cells_;
  std::map<MonitorId, Monitor> monitors_;
  std::vector<std::pair<NodeId, NodeId>> links_;
  std::deque<Work> actions_;
  bool draining_ = false;
  std::unique_ptr<Supervisor> root_;
};

}  // namespace weft::supervision
