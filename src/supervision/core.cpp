// SPDX-License-Identifier: Apache-2.0
#include "supervision/core.hpp"

#include <algorithm>

#include "supervision/supervisor.hpp"
#include "supervision/worker.hpp"

namespace weft::supervision {
namespace {

Exit linked_exit(const std::string& name, const Exit& exit) {
  const auto kind = exit.kind == ExitKind::shutdown ? ExitKind::shutdown : ExitKind::failure;
  const auto code = exit.error ? exit.error->code() : Errc::cancelled;
  return {kind, Error(code, "linked with " + name + ", which ended (" + exit.to_string() + ")")};
}

// Until its supervisor says otherwise.
NodeState state_after(ExitKind kind) {
  switch (kind) {
    case ExitKind::normal:
      return NodeState::ended;
    case ExitKind::shutdown:
    case ExitKind::killed:
      return NodeState::stopped;
    case ExitKind::failure:
      return NodeState::failed;
  }
  return NodeState::failed;
}

}  // namespace

Core::Core(std::shared_ptr<Runtime> runtime, TreeOptions options)
    : runtime_(std::move(runtime)), on_change_(std::move(options.on_change)), on_end_(std::move(options.on_end)) {
  root_.reset(static_cast<Supervisor*>(make_cell(nullptr, std::move(options.root)).release()));
}

Core::~Core() {
  // Nodes that still run are destroyed by the cells' destructors; no handler is told.
  draining_ = true;
  root_.reset();
}

void Core::drain() noexcept {
  if (draining_) return;
  // A handler may drop the last handle of the tree.
  const auto self = shared_from_this();
  draining_ = true;
  while (!actions_.empty()) {
    auto work = std::move(actions_.front());
    actions_.pop_front();
    work();
  }
  draining_ = false;
}

void Core::drain_soon() {
  if (actions_.empty() || draining_) return;
  runtime_->post([core = weak_from_this()]() noexcept {
    if (const auto self = core.lock()) self->drain();
  });
}

Life Core::life_of(const Cell& cell) { return {runtime_, weak_from_this(), cell.id, cell.incarnation}; }

std::unique_ptr<Cell> Core::make_cell(Supervisor* parent, AnySpec spec) {
  const NodeId id = next_id();
  std::unique_ptr<Cell> cell;
  if (auto* child = std::get_if<ChildSpec>(&spec.value)) {
    cell = std::make_unique<Worker>(*this, parent, id, std::move(*child));
  } else {
    cell = std::make_unique<Supervisor>(*this, parent, id, std::get<SupervisorSpec>(std::move(spec.value)));
  }
  cells_.emplace(id, cell.get());
  return cell;
}

Cell* Core::find(NodeId id) noexcept {
  const auto found = cells_.find(id);
  return found == cells_.end() ? nullptr : found->second;
}

Worker* Core::find_worker(NodeId id, std::uint64_t incarnation) noexcept {
  auto* cell = find(id);
  if (cell == nullptr || cell->incarnation != incarnation || !cell->alive()) return nullptr;
  return dynamic_cast<Worker*>(cell);
}

void Core::cancel_starts(Cell& cell) {
  tell(cell.place.start_waiters, Error(Errc::cancelled, cell.name + " was stopped"));
  if (auto* supervisor = dynamic_cast<Supervisor*>(&cell)) {
    for (const auto& [id, child] : supervisor->children()) cancel_starts(*child);
  }
}

void Core::forget(Cell& cell) {
  cells_.erase(cell.id);
  tell(cell.place.stop_waiters, {});
  if (auto* supervisor = dynamic_cast<Supervisor*>(&cell)) {
    for (const auto& [id, child] : supervisor->children()) forget(*child);
  }
}

void Core::set_state(Cell& cell, NodeState state, std::string_view failure) {
  const NodeState from = std::exchange(cell.state, state);
  if (cell.parent != nullptr) cell.parent->child_changes(from, state);
  if (from != state && on_change_) on_change_({cell.id, cell.name, cell.kind, from, state, failure});
}

void Core::progressed(Cell& cell) {
  if (cell.parent != nullptr) {
    cell.parent->child_progressed(cell);
  } else if (cell.state == NodeState::ready) {
    tell(cell.place.start_waiters, {});
  }
}

void Core::down(Cell& cell, Exit exit) {
  set_state(cell, state_after(exit.kind), exit.error ? exit.error->message() : "");
  if (exit.error) {
    cell.last_failure = NodeFailure{exit.error->to_string(), runtime_->wall_now()};
  }
  tell_monitors(cell.id, exit);
  const NodeId id = cell.id;
  const std::string name = cell.name;  // the cell may be gone after its parent was told
  if (cell.parent != nullptr) {
    cell.parent->child_down(cell, exit);
  } else {
    const bool asked = exit.kind == ExitKind::shutdown;
    tell(cell.place.start_waiters, exit.error.value_or(Error(Errc::cancelled, cell.name + " was stopped")));
    tell(cell.place.stop_waiters, {});
    if (!asked && on_end_) later([handler = on_end_, exit]() noexcept { handler(exit); });
  }
  follow_links(id, name, exit);
}

void Core::tell(Done done, Result<void> result) {
  if (!done) return;
  later([done = std::move(done), result = std::move(result)]() mutable noexcept { done(std::move(result)); });
}

void Core::tell(std::vector<Done>& waiters, const Result<void>& result) {
  for (auto& done : std::exchange(waiters, {})) tell(std::move(done), result);
}

MonitorId Core::monitor(NodeId node, MonitorHandler handler) {
  const MonitorId id = next_monitor_++;
  const auto* cell = find(node);
  if (cell != nullptr && cell->alive()) {
    monitors_.emplace(id, Monitor{node, std::move(handler)});
    return id;
  }
  Exit exit{ExitKind::failure, Error(Errc::not_found, "node " + std::to_string(node) + " does not run")};
  later([handler = std::move(handler), node, exit = std::move(exit)]() mutable noexcept { handler(node, exit); });
  return id;
}

void Core::tell_monitors(NodeId node, const Exit& exit) {
  for (auto next = monitors_.begin(); next != monitors_.end();) {
    if (next->second.node != node) {
      ++next;
      continue;
    }
    later([handler = std::move(next->second.handler), node, exit]() mutable noexcept { handler(node, exit); });
    next = monitors_.erase(next);
  }
}

Result<void> Core::link(NodeId one, NodeId other) {
  for (const NodeId id : {one, other}) {
    const auto* cell = find(id);
    if (cell == nullptr) return Error(Errc::not_found, "no node " + std::to_string(id) + " to link");
    if (!cell->alive()) return Error(Errc::unavailable, cell->name + " cannot be linked: it does not run");
  }
  if (one == other) return Error(Errc::invalid_argument, "a node cannot be linked with itself");
  const auto pair = std::minmax(one, other);
  if (std::ranges::find(links_, std::pair<NodeId, NodeId>(pair)) == links_.end()) links_.emplace_back(pair);
  return {};
}

void Core::unlink(NodeId one, NodeId other) noexcept {
  std::erase(links_, std::pair<NodeId, NodeId>(std::minmax(one, other)));
}

void Core::follow_links(NodeId node, const std::string& name, const Exit& exit) {
  std::vector<NodeId> partners;
  std::erase_if(links_, [&](const auto& link) {
    if (link.first != node && link.second != node) return false;
    partners.push_back(link.first == node ? link.second : link.first);
    return true;
  });
  for (const NodeId id : partners) {
    auto* partner = find(id);
    if (partner == nullptr || !partner->alive() || partner->traps(node, exit) || exit.kind == ExitKind::normal)
      continue;
    partner->begin_stop(linked_exit(name, exit));
  }
}

}  // namespace weft::supervision
