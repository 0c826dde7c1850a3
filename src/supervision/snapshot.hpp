// SPDX-License-Identifier: Apache-2.0
/// The tree as plain data, and how it looks to people and programs. Pure functions; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "supervision/node.hpp"
#include "supervision/spec.hpp"

namespace weft::supervision {

struct NodeFailure {
  std::string text;
  WallTime at;
};

struct NodeInfo {
  NodeId id = 0;
  std::string name;
  std::string kind;
  NodeState state = NodeState::waiting;
  Restart restart = Restart::permanent;
  std::optional<Strategy> strategy{};    ///< of a supervisor
  std::uint64_t restarts = 0;            ///< since its place was made
  std::optional<WallTime> started_at{};  ///< of the incarnation that runs
  std::optional<NodeFailure> last_failure{};
  std::vector<NodeInfo> children{};
};

/// `{"id","name","kind","state","restart","strategy"?,"restarts","startedAt"?,"lastFailure"?{"text","at"},"children"?}`;
/// times as RFC 3339 in UTC with milliseconds.
std::string to_json(const NodeInfo& node);

/// One line per node with branches; text of failures is cut and its control characters are replaced.
std::string to_text(const NodeInfo& node, WallTime now);

}  // namespace weft::supervision
