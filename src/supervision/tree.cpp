// SPDX-License-Identifier: Apache-2.0
#include "supervision/tree.hpp"

#include <algorithm>
#include <utility>

#include "supervision/core.hpp"
#include "supervision/supervisor.hpp"

namespace weft::supervision {
namespace {

/// Ends an entry into the tree: what was queued is done soon, never inside the caller's call.
class Entry {
 public:
  explicit Entry(Core& core) : core_(core) {}
  ~Entry() { core_.drain_soon(); }
  Entry(const Entry&) = delete;
  Entry& operator=(const Entry&) = delete;

 private:
  Core& core_;
};

Error no_such_node(NodeId node) { return {Errc::not_found, "the tree has no node " + std::to_string(node)}; }

Result<Cell*> find_child(Core& core, NodeId node) {
  auto* cell = core.find(node);
  if (cell == nullptr) return no_such_node(node);
  if (cell->parent == nullptr) {
    return Error(Errc::invalid_argument, "the root is no child", "start and stop the tree itself");
  }
  return cell;
}

}  // namespace

NodeInfo Cell::info() const {
  NodeInfo info;
  info.id = id;
  info.name = name;
  info.kind = kind;
  info.state = state;
  info.restart = restart();
  info.restarts = restarts;
  info.started_at = started_at;
  info.last_failure = last_failure;
  describe(info);
  return info;
}

Tree::Tree(std::shared_ptr<Runtime> runtime, TreeOptions options)
    : runtime_(runtime), core_(std::make_shared<Core>(std::move(runtime), std::move(options))) {}

Tree::~Tree() = default;

void Tree::start(Done done) {
  const Entry entry(*core_);
  auto& root = core_->root();
  if (root.state == NodeState::ready) return core_->tell(std::move(done), {});
  if (root.state == NodeState::stopping) {
    return core_->tell(std::move(done), Error(Errc::unavailable, "the tree is being stopped"));
  }
  if (done) root.place.start_waiters.push_back(std::move(done));
  if (!root.alive()) root.begin_start();
}

void Tree::stop(Done done) {
  const Entry entry(*core_);
  auto& root = core_->root();
  if (!root.alive()) return core_->tell(std::move(done), {});
  if (done) root.place.stop_waiters.push_back(std::move(done));
  root.begin_stop({ExitKind::shutdown, std::nullopt});
}

NodeId Tree::root() const noexcept { return core_->root().id; }

NodeInfo Tree::snapshot() const { return core_->root().info(); }

std::optional<NodeId> Tree::find(std::string_view path) const {
  const Cell* cell = &core_->root();
  while (!path.empty()) {
    const auto slash = path.find('/');
    const auto name = path.substr(0, slash);
    path = slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
    const auto* supervisor = dynamic_cast<const Supervisor*>(cell);
    if (supervisor == nullptr) return std::nullopt;
    cell = supervisor->find_child(name);
    if (cell == nullptr) return std::nullopt;
  }
  return cell->id;
}

std::optional<NodeInfo> Tree::info(NodeId node) const {
  const auto* cell = core_->find(node);
  if (cell == nullptr) return std::nullopt;
  return cell->info();
}

Result<NodeId> Tree::add(NodeId supervisor, AnySpec spec, Done done) {
  const Entry entry(*core_);
  auto* cell = core_->find(supervisor);
  if (cell == nullptr) return no_such_node(supervisor);
  auto* parent = dynamic_cast<Supervisor*>(cell);
  if (parent == nullptr) return Error(Errc::invalid_argument, cell->name + " is not a supervisor");
  return parent->add(std::move(spec), std::move(done));
}

Result<void> Tree::start_child(NodeId node, Done done) {
  const Entry entry(*core_);
  WEFT_TRY(auto* child, find_child(*core_, node));
  return child->parent->start_child(*child, std::move(done));
}

Result<void> Tree::stop_child(NodeId node, Done done) {
  const Entry entry(*core_);
  WEFT_TRY(auto* child, find_child(*core_, node));
  child->parent->stop_child(*child, std::move(done));
  return {};
}

Result<void> Tree::remove(NodeId node, Done done) {
  const Entry entry(*core_);
  WEFT_TRY(auto* child, find_child(*core_, node));
  child->parent->remove(*child, std::move(done));
  return {};
}

MonitorId Tree::monitor(NodeId node, MonitorHandler handler) {
  const Entry entry(*core_);
  return core_->monitor(node, std::move(handler));
}

void Tree::demonitor(MonitorId monitor) { core_->demonitor(monitor); }

Result<void> Tree::link(NodeId one, NodeId other) { return core_->link(one, other); }

void Tree::unlink(NodeId one, NodeId other) { core_->unlink(one, other); }

void Tree::report_failure(NodeId node, Error error) {
  runtime_->post([core = std::weak_ptr(core_), node, error = std::move(error)]() mutable noexcept {
    const auto tree = core.lock();
    if (tree == nullptr) return;
    auto* cell = tree->find(node);
    if (cell != nullptr && cell->alive()) cell->begin_stop({ExitKind::failure, std::move(error)});
    tree->drain();
  });
}

}  // namespace weft::supervision
