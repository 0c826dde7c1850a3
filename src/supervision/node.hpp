// SPDX-License-Identifier: Apache-2.0
/// One incarnation of something that runs: made, started, perhaps stopped, destroyed; a restart makes a new one. The
/// tree calls, the node answers through its Life, at once or later, from any thread.
///
///   make -> start() ... life.started() ... life.ready() ... life.ended() -> destroyed
///                         stop(), over budget: kill() ... life.ended() -> destroyed
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <weft/result.hpp>

#include "supervision/runtime.hpp"

namespace weft::supervision {

class Core;

/// A place in the tree; stays the same over restarts, and is not used again when the place is removed. 0 is none.
using NodeId = std::uint64_t;

enum class NodeState : std::uint8_t {
  waiting,      ///< for siblings before it, or for its first start
  backing_off,  ///< for the time of its restart
  starting,     ///< start() was called, nothing told yet
  started,      ///< accepted, not ready
  ready,
  stopping,
  killing,  ///< over its stop budget
  stopped,  ///< on request
  ended,    ///< by itself, and not to be restarted
  failed,   ///< given up; for a moment also what is about to be restarted
};
std::string_view to_string(NodeState state) noexcept;
/// An incarnation exists.
constexpr bool is_alive(NodeState state) noexcept {
  return state >= NodeState::starting && state <= NodeState::killing;
}

enum class ExitKind : std::uint8_t {
  normal,    ///< by itself, done
  shutdown,  ///< asked to
  failure,
  killed,  ///< asked to, and forced after its budget
};
std::string_view to_string(ExitKind kind) noexcept;

/// Why an incarnation is no more. `error` is there for a failure, and for what went wrong during a shutdown.
struct Exit {
  ExitKind kind = ExitKind::normal;
  std::optional<Error> error;

  /// "failure: the message", for people.
  [[nodiscard]] std::string to_string() const;
};

/// The node's voice. Copies speak for the same incarnation; what is said twice, or after its end, or after the tree is
/// gone, is let pass. All members: any thread; nothing happens inside the call.
class Life {
 public:
  Life() = default;
  Life(std::shared_ptr<Runtime> runtime, std::weak_ptr<Core> core, NodeId id, std::uint64_t incarnation)
      : runtime_(std::move(runtime)), core_(std::move(core)), id_(id), incarnation_(incarnation) {}

  [[nodiscard]] NodeId id() const noexcept { return id_; }

  /// Accepted: it runs, but cannot be used yet.
  void started() const;
  /// Can be used. Implies started().
  void ready() const;
  /// Nothing of it runs any more.
  void ended() const;
  /// The same, because of `error`.
  void ended(Error error) const;
  /// Something is wrong and it still runs: it shall be stopped, and this counts as a failure.
  void fail(Error error) const;

 private:
  std::shared_ptr<Runtime> runtime_;  ///< shared: a node may speak after its tree and shard are gone
  std::weak_ptr<Core> core_;
  NodeId id_ = 0;
  std::uint64_t incarnation_ = 0;
};

/// Threads: the tree's own. No member may block for long.
class Node {
 public:
  /// Final: whatever still runs ends here, without a word. Called after life.ended(), or when kill() did not help.
  virtual ~Node() = default;

  /// Once. Failing to start is `life.ended(error)`.
  virtual void start(Life life) noexcept = 0;
  /// Once at most, also while starting. Ends by life.ended(); an error told there is recorded, but is no failure.
  virtual void stop() noexcept = 0;
  /// Once at most, after stop() took longer than its budget. Gives up everything that could wait.
  virtual void kill() noexcept = 0;
};

}  // namespace weft::supervision
