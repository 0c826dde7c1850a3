// SPDX-License-Identifier: Apache-2.0
#include "supervision/supervisor.hpp"

#include <algorithm>
#include <iterator>
#include <ranges>
#include <utility>

#include "base/assert.hpp"
#include "supervision/core.hpp"
#include "supervision/restart_policy.hpp"

namespace weft::supervision {
namespace {

using First = Cell::Place::First;

bool passed_gate(const Cell& cell) {
  return cell.state == NodeState::ready || (cell.state == NodeState::started && cell.gate() == Gate::started);
}

// On its way to its gate; what comes after it has to wait.
bool holds_up(const Cell& cell) {
  return cell.place.wanted && (cell.place.pending || (cell.alive() && !passed_gate(cell)));
}

std::string text_of(const Exit& exit) { return exit.error ? exit.error->message() : std::string(); }

}  // namespace

Supervisor::Supervisor(Core& core, Supervisor* parent, NodeId id, SupervisorSpec spec)
    : Cell(core, parent, id, spec.name, spec.kind), spec_(std::move(spec)) {
  for (auto& child : std::exchange(spec_.children, {})) adopt(core.make_cell(this, std::move(child)));
}

Supervisor::~Supervisor() {
  for (const auto& [child_id, child] : children_) stop_pending(*child);
  while (!children_.empty()) children_.erase(std::prev(children_.end()));
}

Cell* Supervisor::find_child(std::string_view child_name) const noexcept {
  const auto found = by_name_.lower_bound({child_name, 0});
  return found == by_name_.end() || found->first.first != child_name ? nullptr : found->second;
}

Cell& Supervisor::adopt(std::unique_ptr<Cell> child) {
  auto& cell = *child;
  by_name_.emplace(std::pair(std::string_view(cell.name), cell.id), &cell);
  children_.emplace(cell.id, std::move(child));
  return cell;
}

void Supervisor::describe(NodeInfo& info) const {
  info.strategy = spec_.strategy;
  for (const auto& [child_id, child] : children_) info.children.push_back(child->info());
}

void Supervisor::begin_start() {
  ++incarnation;
  stopping_for_.reset();
  restarts_within_.clear();
  started_at = core.runtime().wall_now();
  core.set_state(*this, NodeState::starting);
  for (const auto& [child_id, child] : children_) {
    auto& place = child->place;
    place.failures_in_a_row = 0;
    place.restarts.clear();
    unmark(*child);
    if (!place.wanted) continue;
    place.first = First::initial;
    set_pending(*child, true, {});
  }
  advance();
}

void Supervisor::begin_stop(Exit reason) {
  if (stopping_for_) return;
  core.set_state(*this, NodeState::stopping, text_of(reason));
  stopping_for_ = std::move(reason);
  for (const auto& [child_id, child] : children_) {
    stop_pending(*child);
    mark_for_stop(*child);
    core.cancel_starts(*child);
    if (!child->alive() && (child->state == NodeState::waiting || child->state == NodeState::backing_off)) {
      core.set_state(*child, NodeState::stopped);
    }
  }
  advance();
}

// It runs, or will without a further command.
bool Supervisor::will_run() const noexcept {
  if (state != NodeState::waiting && state != NodeState::backing_off) return accepts_work();
  return parent == nullptr || parent->will_run();
}

Result<NodeId> Supervisor::add(AnySpec spec, Done done) {
  const std::string& child_name = spec.name();
  if (child_name.empty() || child_name.contains('/')) {
    return Error(Errc::invalid_argument, "'" + child_name + "' is no name of a node",
                 "names are not empty and have no '/'");
  }
  if (find_child(child_name) != nullptr) {
    return Error(Errc::already_exists, name + " has a child named " + child_name + " already");
  }
  if (!will_run()) {
    return Error(Errc::unavailable, child_name + " cannot be added: " + name + " does not run");
  }
  auto& child = adopt(core.make_cell(this, std::move(spec)));
  if (done) child.place.start_waiters.push_back(std::move(done));
  if (accepts_work()) {
    child.place.first = First::added;
    // Where siblings have nothing to do with each other, one that takes long holds nobody up.
    child.place.pending = false;
    set_pending(child, spec_.strategy != Strategy::one_for_one, {});
    advance();
  }
  return child.id;
}

Result<void> Supervisor::start_child(Cell& child, Done done) {
  auto& place = child.place;
  if (!accepts_work()) return Error(Errc::unavailable, child.name + " cannot be started: " + name + " does not run");
  if (place.removing) return Error(Errc::unavailable, child.name + " cannot be started: it is being removed");
  if (passed_gate(child) && place.wanted) {
    core.tell(std::move(done), {});
    return {};
  }
  if (done) place.start_waiters.push_back(std::move(done));
  place.wanted = true;
  if (place.pending) {
    stop_pending(child);  // asked for: the pause is over
    place.not_before = {};
    place.pending = true;
    due_.insert(child.id);
    advance();
  } else if (!child.alive() || child.state == NodeState::stopping || child.state == NodeState::killing) {
    place.failures_in_a_row = 0;
    place.restarts.clear();
    place.first = First::no;
    set_pending(child, false, {});
    advance();
  }
  return {};
}

void Supervisor::stop_child(Cell& child, Done done) {
  auto& place = child.place;
  place.wanted = false;
  stop_pending(child);
  core.cancel_starts(child);
  if (done) place.stop_waiters.push_back(std::move(done));
  if (child.alive()) {
    child.begin_stop({ExitKind::shutdown, std::nullopt});
  } else {
    settle(child, NodeState::stopped, {ExitKind::shutdown, std::nullopt});
  }
  advance();
}

void Supervisor::remove(Cell& child, Done done) {
  child.place.removing = true;
  stop_child(child, std::move(done));
}

void Supervisor::child_progressed(Cell& child) {
  auto& place = child.place;
  if (child.state == NodeState::ready) place.ready_since = core.runtime().now();
  if (passed_gate(child)) {
    place.first = First::no;
    core.tell(place.start_waiters, {});
  }
  advance();
}

void Supervisor::child_down(Cell& child, const Exit& exit) {
  auto& place = child.place;
  const bool planned = place.must_stop;
  unmark(child);
  if (!place.wanted) {
    settle(child, NodeState::stopped, exit);
  } else if (planned) {
    // Of a group: what is pending starts again; a supervisor that stops has nothing pending.
    const bool gone = child.restart() == Restart::temporary;
    if (gone) place.removing = true;
    settle(child, place.pending ? NodeState::waiting : NodeState::stopped, exit);
  } else if (place.pending) {
    // Stopped on request, and started again on request before it had ended.
    core.set_state(child, NodeState::waiting);
    core.tell(place.stop_waiters, {});
  } else if (!first_start_failed(child, exit)) {
    unexpected_end(child, exit);
  }
  advance();
}

bool Supervisor::first_start_failed(Cell& child, const Exit& exit) {
  const auto first = child.place.first;
  if (first == First::no || exit.kind == ExitKind::normal || child.first_start() == FirstStart::retried) return false;
  if (first == First::added) {
    child.place.removing = true;
    settle(child, NodeState::failed, exit);
    return true;
  }
  core.set_state(child, NodeState::failed, text_of(exit));
  core.tell(child.place.start_waiters, exit.error.value_or(Error(Errc::unavailable, child.name + " ended")));
  Error error = exit.error.value_or(Error(Errc::unavailable, child.name + " ended before it was ready"));
  begin_stop({ExitKind::failure, std::move(error).in("starting " + name + "/" + child.name)});
  return true;
}

Supervisor::Verdict Supervisor::judge(Cell& child, const Exit& exit) {
  const bool failed = exit.kind == ExitKind::failure || exit.kind == ExitKind::killed;
  if (child.restart() == Restart::temporary) return Verdict::leave;
  if (child.restart() == Restart::transient && !failed) return Verdict::leave;
  const bool each = spec_.when_exceeded == WhenExceeded::give_up;
  auto& counted = each ? child.place.restarts : restarts_within_;
  if (count_restart(counted, spec_.intensity, core.runtime().now())) return Verdict::restart;
  return each ? Verdict::give_up : Verdict::escalate;
}

void Supervisor::unexpected_end(Cell& child, const Exit& exit) {
  switch (judge(child, exit)) {
    case Verdict::restart:
      restart_group(child);
      return;
    case Verdict::leave:
      if (child.restart() == Restart::temporary) child.place.removing = true;
      settle(child, NodeState::ended, exit);
      return;
    case Verdict::give_up:
      settle(child, NodeState::failed, exit);
      return;
    case Verdict::escalate:
      settle(child, NodeState::failed, exit);
      begin_stop({ExitKind::failure,
                  Error(Errc::unavailable, name + " gave up: more than " + std::to_string(spec_.intensity.restarts) +
                                               " restarts within " + std::to_string(spec_.intensity.within.count()) +
                                               " ms, the last of " + child.name + " (" + exit.to_string() + ")")});
      return;
  }
}

void Supervisor::restart_group(Cell& failed) {
  const Instant now = core.runtime().now();
  auto& place = failed.place;
  const bool was_well = place.ready_since != Instant{} && now - place.ready_since >= spec_.backoff.reset_after;
  place.failures_in_a_row = was_well ? 1 : place.failures_in_a_row + 1;
  place.ready_since = {};
  const auto pause = restart_pause(spec_.backoff, place.failures_in_a_row, core.runtime().random());
  const bool alone = spec_.strategy == Strategy::one_for_one;
  for (auto at = alone ? children_.find(failed.id) : children_.begin(); at != children_.end(); ++at) {
    auto& child = *at->second;
    if (!in_group(child, failed)) {
      if (alone) break;
      continue;
    }
    if (!child.place.wanted) continue;
    if (&child != &failed && child.state == NodeState::failed) continue;  // given up
    if (child.alive()) mark_for_stop(child);
    if (child.restart() == Restart::temporary) continue;
    // Alone it goes out of order, unless those after it have not had their first turn yet.
    set_pending(child, !alone || state == NodeState::starting, now + pause);
  }
}

bool Supervisor::in_group(const Cell& child, const Cell& failed) const noexcept {
  switch (spec_.strategy) {
    case Strategy::one_for_one:
      return child.id == failed.id;
    case Strategy::one_for_all:
      return true;
    case Strategy::rest_for_one:
      return child.id >= failed.id;
  }
  return false;
}

// The child is down and stays so for now.
void Supervisor::settle(Cell& child, NodeState down_state, const Exit& exit) {
  auto& place = child.place;
  core.set_state(child, down_state, text_of(exit));
  if (exit.kind == ExitKind::normal) {
    core.tell(place.start_waiters, {});
  } else if (!place.pending) {
    core.tell(place.start_waiters, exit.error.value_or(Error(Errc::cancelled, child.name + " was stopped")));
  }
  core.tell(place.stop_waiters, {});
  if (place.removing) erase(child);
}

void Supervisor::set_pending(Cell& child, bool in_order, Instant not_before) {
  auto& place = child.place;
  place.in_order = in_order || (place.pending && place.in_order);
  place.not_before = place.pending ? std::max(place.not_before, not_before) : not_before;
  place.pending = true;
  if (place.timer == 0) due_.insert(child.id);
  if (!child.alive()) core.set_state(child, NodeState::waiting);
}

void Supervisor::mark_for_stop(Cell& child) {
  child.place.must_stop = true;
  must_stop_.insert(child.id);
  untold_.insert(child.id);
}

void Supervisor::unmark(Cell& child) noexcept {
  child.place.must_stop = false;
  must_stop_.erase(child.id);
  untold_.erase(child.id);
}

void Supervisor::child_changes(NodeState from, NodeState to) noexcept {
  if (is_alive(from)) --alive_children_;
  if (is_alive(to)) ++alive_children_;
}

void Supervisor::stop_pending(Cell& child) noexcept {
  child.place.pending = false;
  due_.erase(child.id);
  if (child.place.timer != 0) core.runtime().cancel_timer(std::exchange(child.place.timer, 0));
}

void Supervisor::erase(Cell& child) {
  stop_pending(child);
  core.cancel_starts(child);
  core.forget(child);
  unmark(child);
  by_name_.erase({child.name, child.id});
  auto gone = children_.extract(child.id);
  WEFT_ASSERT(!gone.empty() && !child.alive());
  // Its nodes are gone; the cell itself may be on the stack.
  core.later([cell = std::move(gone.mapped())]() mutable noexcept { cell.reset(); });
}

void Supervisor::advance() {
  if (!alive() || advance_stops()) return;
  if (stopping_for_) {
    // One that was told to stop by itself may still be at it.
    if (alive_children_ == 0) finish();
    return;
  }
  advance_starts();
  if (state == NodeState::starting && all_started()) {
    core.set_state(*this, NodeState::ready);
    core.progressed(*this);
  }
}

// True while a group stops: one after the other, or all at once where they have nothing to do with each other.
bool Supervisor::advance_stops() {
  const bool at_once = spec_.when_exceeded == WhenExceeded::give_up;
  bool stopping = false;
  // Stopping one may come back here: hence no iterators.
  while (!(at_once ? untold_ : must_stop_).empty()) {
    auto& child = *children_.at(*(at_once ? untold_ : must_stop_).rbegin());
    if (!child.alive()) {
      unmark(child);
      continue;
    }
    stopping = true;
    untold_.erase(child.id);
    if (child.state != NodeState::stopping && child.state != NodeState::killing) {
      child.begin_stop({ExitKind::shutdown, std::nullopt});
    }
    if (!at_once) return true;
  }
  return stopping || !must_stop_.empty();
}

void Supervisor::advance_starts() {
  // Starting a supervisor without children makes it ready at once, which comes back here: hence no iterators.
  for (auto next = due_.begin(); next != due_.end();) {
    auto& child = *children_.at(*next);
    const auto child_id = child.id;
    if (!child.alive() && turn_of(child)) start_or_wait(child);
    next = due_.upper_bound(child_id);
  }
}

bool Supervisor::turn_of(const Cell& child) const noexcept {
  if (!child.place.in_order) return true;
  return std::none_of(children_.begin(), children_.find(child.id),
                      [](const auto& before) { return before.second->place.in_order && holds_up(*before.second); });
}

void Supervisor::start_or_wait(Cell& child) {
  auto& place = child.place;
  if (place.not_before > core.runtime().now()) return wait_for(child);
  stop_pending(child);
  if (child.incarnation > 0) ++child.restarts;
  child.begin_start();
}

void Supervisor::wait_for(Cell& child) {
  auto& place = child.place;
  core.set_state(child, NodeState::backing_off);
  if (place.timer != 0) return;
  due_.erase(child.id);
  const auto left = std::chrono::ceil<Duration>(place.not_before - core.runtime().now());
  place.timer = core.runtime().start_timer(left, [this, &place, child_id = child.id]() noexcept {
    place.timer = 0;
    due_.insert(child_id);
    auto& borrowed = core;
    advance();
    borrowed.drain();
  });
}

bool Supervisor::all_started() const noexcept {
  return std::ranges::none_of(children_, [](const auto& child) {
    return child.second->place.first != First::added && holds_up(*child.second);
  });
}

void Supervisor::finish() {
  auto exit = *std::exchange(stopping_for_, std::nullopt);
  ++incarnation;
  started_at.reset();
  core.down(*this, std::move(exit));
}

}  // namespace weft::supervision
