// SPDX-License-Identifier: Apache-2.0
/// What the parts of one node share. Owned by the node, which outlives them. Threads: each member says.
#pragma once

#include <weft/host.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "async/blocking_pool.hpp"
#include "async/shard.hpp"
#include "bus/bus.hpp"
#include "guest/component_loader.hpp"
#include "host/artifacts.hpp"
#include "host/placements.hpp"
#include "host/router.hpp"
#include "lattice/events.hpp"
#include "lattice/lattice_store.hpp"
#include "lattice/operations.hpp"
#include "lattice/policy_client.hpp"
#include "lattice/secrets_client.hpp"
#include "supervision/tree.hpp"

namespace weft::host {

struct NodeWorld {
  async::Shard& control;
  async::ShardPool& shards;
  async::BlockingPool& pool;      ///< reads files, compiles, starts providers
  async::BlockingPool& draining;  ///< waits for the last calls of what was replaced or stopped
  Artifacts& artifacts;           ///< fetches components and providers
  guest::ComponentLoader& loader;
  Router& router;
  bus::Bus& bus;  ///< by which provider processes are reached, as calls are
  lattice::LatticeStore& store;
  lattice::EventPublisher& events;
  lattice::Operations& operations;
  Placements& placements;
  std::shared_ptr<lattice::PolicyClient> policy;  ///< shared with calls that ask it; null: everything is permitted
  lattice::SecretsClient& secrets;
  supervision::Tree& tree;
  supervision::NodeId components;                              ///< the supervisor of all components
  supervision::NodeId providers;                               ///< the supervisor of all providers
  const std::optional<std::chrono::milliseconds>& stop_grace;  ///< set once the host stops: what is left to everybody
  const std::string& host_id;
  const LogSink& log;
};

}  // namespace weft::host
