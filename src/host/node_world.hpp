// SPDX-License-Identifier: Apache-2.0
/// What the parts of one node share. Owned by the node, which outlives them. Threads: each member says.
#pragma once

#include <weft/host.hpp>

#include <string>

#include "async/blocking_pool.hpp"
#include "async/shard.hpp"
#include "engine/engine.hpp"
#include "host/placements.hpp"
#include "host/router.hpp"
#include "lattice/events.hpp"
#include "lattice/lattice_store.hpp"
#include "lattice/operations.hpp"

namespace weft::host {

struct NodeWorld {
  async::Shard& control;
  async::ShardPool& shards;
  async::BlockingPool& pool;      ///< reads files, compiles, starts providers
  async::BlockingPool& draining;  ///< waits for the last calls of what was replaced or stopped
  engine::Engine& engine;
  Router& router;
  lattice::LatticeStore& store;
  lattice::EventPublisher& events;
  lattice::Operations& operations;
  Placements& placements;
  const std::string& host_id;
  const LogSink& log;
};

}  // namespace weft::host
