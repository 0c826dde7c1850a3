// SPDX-License-Identifier: Apache-2.0
#include "supervision/worker.hpp"

#include <utility>

#include "supervision/core.hpp"

namespace weft::supervision {

Worker::Worker(Core& core, Supervisor* parent, NodeId id, ChildSpec spec)
    : Cell(core, parent, id, spec.name, spec.kind), spec_(std::move(spec)) {}

Worker::~Worker() { disarm(); }

void Worker::begin_start() {
  ++incarnation;
  stopping_for_.reset();
  started_at = core.runtime().wall_now();
  core.set_state(*this, NodeState::starting);
  if (spec_.start_budget.count() > 0) arm(spec_.start_budget, &Worker::start_budget_over);
  // Later, because the functions of others may call the tree, which is at work now.
  core.later([core = &core, id = id, incarnation = incarnation]() noexcept {
    auto* self = core->find_worker(id, incarnation);
    // Asked to stop before it was made: there is nothing to stop.
    if (self == nullptr) return;
    if (self->stopping_for_) return self->finish(*std::exchange(self->stopping_for_, std::nullopt));
    // `make` may end its own place by calling the tree, so it is copied and the cell is looked up again.
    const auto make = self->spec_.make;
    auto node = make ? make() : nullptr;
    self = core->find_worker(id, incarnation);
    if (self == nullptr) return;
    if (node == nullptr) {
      return self->finish({ExitKind::failure, Error(Errc::internal, self->name + " could not be made")});
    }
    self->node_ = std::move(node);
    self->node_->start(core->life_of(*self));
  });
}

void Worker::begin_stop(Exit reason) {
  if (stopping_for_) return;
  stopping_for_ = std::move(reason);
  core.set_state(*this, NodeState::stopping, stopping_for_->error ? stopping_for_->error->message() : "");
  if (spec_.stop_budget.count() > 0) {
    arm(spec_.stop_budget, &Worker::stop_budget_over);
    call(&Node::stop);
  } else {
    stop_budget_over();
  }
}

bool Worker::traps(NodeId linked, const Exit& exit) {
  if (!spec_.on_linked_exit) return false;
  core.later([handler = spec_.on_linked_exit, linked, exit]() noexcept { handler(linked, exit); });
  return true;
}

void Worker::on_started() {
  if (state != NodeState::starting) return;
  core.set_state(*this, NodeState::started);
  core.progressed(*this);
}

void Worker::on_ready() {
  if (state != NodeState::starting && state != NodeState::started) return;
  disarm();
  core.set_state(*this, NodeState::ready);
  core.progressed(*this);
}

void Worker::on_ended(std::optional<Error> error) {
  if (!stopping_for_) {
    return finish(error ? Exit{ExitKind::failure, std::move(error)} : Exit{ExitKind::normal, std::nullopt});
  }
  Exit exit = *std::exchange(stopping_for_, std::nullopt);
  if (state == NodeState::killing && exit.kind == ExitKind::shutdown) exit.kind = ExitKind::killed;
  if (error && !exit.error) exit.error = std::move(error);
  finish(std::move(exit));
}

void Worker::on_fail(Error error) { begin_stop({ExitKind::failure, std::move(error)}); }

void Worker::arm(Duration budget, void (Worker::*then)()) {
  disarm();
  timer_ = core.runtime().start_timer(budget, [this, then]() noexcept {
    timer_ = 0;
    // `core` must outlive this, which may be gone after `then`.
    auto& borrowed = core;
    (this->*then)();
    borrowed.drain();
  });
}

void Worker::disarm() {
  if (timer_ != 0) core.runtime().cancel_timer(std::exchange(timer_, 0));
}

void Worker::start_budget_over() {
  begin_stop(
      {ExitKind::failure, Error(Errc::deadline_exceeded,
                                name + " was not ready within " + std::to_string(spec_.start_budget.count()) + " ms")});
}

void Worker::stop_budget_over() {
  core.set_state(*this, NodeState::killing);
  arm(spec_.kill_budget, &Worker::kill_budget_over);
  call(&Node::kill);
}

void Worker::kill_budget_over() {
  auto exit = *std::exchange(stopping_for_, std::nullopt);
  if (exit.kind == ExitKind::shutdown) exit.kind = ExitKind::killed;
  if (!exit.error) exit.error = Error(Errc::deadline_exceeded, name + " did not end after it was killed");
  finish(std::move(exit));
}

void Worker::call(void (Node::*member)() noexcept) {
  core.later([core = &core, id = id, incarnation = incarnation, member]() noexcept {
    auto* self = core->find_worker(id, incarnation);
    if (self != nullptr && self->node_ != nullptr) (self->node_.get()->*member)();
  });
}

void Worker::finish(Exit exit) {
  disarm();
  stopping_for_.reset();
  ++incarnation;  // what the old one still says is let pass
  started_at.reset();
  // Destroyed by itself, before anything of its successor: a destructor may call the tree too.
  if (node_ != nullptr) {
    core.later([node = std::move(node_)]() mutable noexcept { node.reset(); });
  }
  core.down(*this, std::move(exit));
}

}  // namespace weft::supervision
