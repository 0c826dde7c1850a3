// SPDX-License-Identifier: Apache-2.0
/// Nodes for what needs no class of its own: a pair of functions, or a coroutine. Threads: the tree's, which for a task
/// is its shard's.
#pragma once

#include <functional>
#include <memory>

#include "async/shard.hpp"
#include "async/task.hpp"
#include "supervision/node.hpp"

namespace weft::supervision {

/// What starts and stops at once. Ready when `start` succeeds, ended when `stop` returns; `stop` runs only after a
/// start that succeeded, once, also when the node is destroyed. `life` is for telling a failure later.
std::unique_ptr<Node> make_function_node(std::function<Result<void>(Life life)> start, std::function<void()> stop);

/// A coroutine that runs until it is cancelled: it says `life.ready()` itself. Its end is the node's: with no error a
/// normal one, `cancelled` after stop() a shutdown. `run` and what it captures live until the coroutine has ended. One
/// that ignores its cancellation is let go of after the kill budget, and goes on.
std::unique_ptr<Node> make_task_node(async::Shard& shard, std::string name,
                                     std::function<async::Task<void>(Life life)> run);

}  // namespace weft::supervision
