// SPDX-License-Identifier: Apache-2.0
/// The supervision tree of one host, after OTP: everything that runs has a place, somebody who restarts it, and an
/// order in which it starts and stops. Without it every module would have its own idea of restarting, and nobody could
/// say what runs.
///
/// Differences to OTP: starting is asynchronous and "started" is not "ready"; restarts may be delayed (Backoff);
/// children that were added are kept when their supervisor is restarted (temporary ones are not); children that were
/// stopped on request stay stopped when their siblings are restarted as a group.
///
/// Ownership: owns its nodes. Destroying a tree that runs destroys them in reverse order, without stop(); call stop()
/// before. Threads: the runtime's; report_failure() from any while the tree lives. Handlers are called on that thread,
/// one at a time and never inside a call of the tree; they may call it. Errors: not_found (no such node),
/// already_exists (a sibling has that name), invalid_argument (name empty or with
/// '/'; not a supervisor; the root), unavailable (its supervisor is stopping or stopped), cancelled (stopped before it
/// was ready).
#pragma once

#include <functional>
#include <memory>
#include <string_view>
#include <weft/result.hpp>

#include "supervision/snapshot.hpp"
#include "supervision/spec.hpp"

namespace weft::supervision {

using Done = std::move_only_function<void(Result<void>)>;
using MonitorId = std::uint64_t;
using MonitorHandler = std::move_only_function<void(NodeId node, const Exit& exit)>;

/// A node went from one state to another. Borrowed strings.
struct Change {
  NodeId id;
  std::string_view name;
  std::string_view kind;
  NodeState from;
  NodeState to;
  std::string_view failure;  ///< of the exit that caused it; empty when there was none
};

struct TreeOptions {
  SupervisorSpec root;
  /// For logs and metrics. The one handler that must not call the tree.
  std::function<void(const Change&)> on_change;
  /// The root ended unasked: too many restarts at the top.
  std::function<void(const Exit&)> on_end;
};

class Tree {
 public:
  /// `options.root.name` is the first part of no path: paths begin with the root's children ("ingress/http-0").
  Tree(std::shared_ptr<Runtime> runtime, TreeOptions options);
  ~Tree();
  Tree(const Tree&) = delete;
  Tree& operator=(const Tree&) = delete;

  /// Told when all is ready, or why not; all is stopped again then.
  void start(Done done = {});
  /// Told when nothing runs any more. At any time, twice too.
  void stop(Done done = {});

  [[nodiscard]] NodeId root() const noexcept;
  [[nodiscard]] NodeInfo snapshot() const;
  /// Empty path: the root.
  [[nodiscard]] std::optional<NodeId> find(std::string_view path) const;
  [[nodiscard]] std::optional<NodeInfo> info(NodeId node) const;

  /// Behind its siblings. `done` is told when it is ready, or as far as its Gate wants (or has ended normally); with
  /// FirstStart::required a failure before removes it again. Added to a tree or supervisor that has not started yet, it
  /// starts with it.
  Result<NodeId> add(NodeId supervisor, AnySpec spec, Done done = {});
  /// Of a child that is stopped, ended or failed; `done` at once when it is ready.
  Result<void> start_child(NodeId node, Done done = {});
  /// It stays in the tree and is not restarted. Siblings are left alone, whatever the strategy.
  Result<void> stop_child(NodeId node, Done done = {});
  /// Stops it, and its place is gone.
  Result<void> remove(NodeId node, Done done = {});

  /// Told once, when the incarnation that runs now ends; at once when none does.
  MonitorId monitor(NodeId node, MonitorHandler handler);
  void demonitor(MonitorId monitor);
  /// Shares the fate of two incarnations: when one ends, but normally, the other is stopped for the same reason.
  /// Errors: not_found, unavailable (one of them does not run).
  Result<void> link(NodeId one, NodeId other);
  void unlink(NodeId one, NodeId other);

  /// Any thread. Somebody found that `node` does not work: it is stopped, and that is a failure.
  void report_failure(NodeId node, Error error);

 private:
  std::shared_ptr<Runtime> runtime_;
  std::shared_ptr<Core> core_;  ///< shared with nobody for long: Life locks it for a call
};

}  // namespace weft::supervision
