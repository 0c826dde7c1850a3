// SPDX-License-Identifier: Apache-2.0
#include "supervision/node.hpp"

#include "supervision/core.hpp"
#include "supervision/worker.hpp"

namespace weft::supervision {
namespace {

// On the tree's thread, later: what is told changes the tree only between its other work.
template <class Tell>
void post_to(const std::shared_ptr<Runtime>& runtime, std::weak_ptr<Core> core, NodeId id, std::uint64_t incarnation,
             Tell tell) {
  if (runtime == nullptr) return;
  runtime->post([core = std::move(core), id, incarnation, tell = std::move(tell)]() mutable noexcept {
    const auto tree = core.lock();
    if (tree == nullptr) return;
    if (auto* worker = tree->find_worker(id, incarnation)) tell(*worker);
    tree->drain();
  });
}

}  // namespace

std::string_view to_string(NodeState state) noexcept {
  switch (state) {
    case NodeState::waiting:
      return "waiting";
    case NodeState::backing_off:
      return "backing-off";
    case NodeState::starting:
      return "starting";
    case NodeState::started:
      return "started";
    case NodeState::ready:
      return "ready";
    case NodeState::stopping:
      return "stopping";
    case NodeState::killing:
      return "killing";
    case NodeState::stopped:
      return "stopped";
    case NodeState::ended:
      return "ended";
    case NodeState::failed:
      return "failed";
  }
  return "unknown";
}

std::string_view to_string(ExitKind kind) noexcept {
  switch (kind) {
    case ExitKind::normal:
      return "normal";
    case ExitKind::shutdown:
      return "shutdown";
    case ExitKind::failure:
      return "failure";
    case ExitKind::killed:
      return "killed";
  }
  return "unknown";
}

std::string Exit::to_string() const {
  std::string text(supervision::to_string(kind));
  if (error) text.append(": ").append(error->message());
  return text;
}

void Life::started() const {
  post_to(runtime_, core_, id_, incarnation_, [](Worker& worker) noexcept { worker.on_started(); });
}

void Life::ready() const {
  post_to(runtime_, core_, id_, incarnation_, [](Worker& worker) noexcept { worker.on_ready(); });
}

void Life::ended() const {
  post_to(runtime_, core_, id_, incarnation_, [](Worker& worker) noexcept { worker.on_ended(std::nullopt); });
}

void Life::ended(Error error) const {
  post_to(runtime_, core_, id_, incarnation_,
          [error = std::move(error)](Worker& worker) mutable noexcept { worker.on_ended(std::move(error)); });
}

void Life::fail(Error error) const {
  post_to(runtime_, core_, id_, incarnation_,
          [error = std::move(error)](Worker& worker) mutable noexcept { worker.on_fail(std::move(error)); });
}

}  // namespace weft::supervision
