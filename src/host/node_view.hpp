// SPDX-License-Identifier: Apache-2.0
/// What a node shows of itself, for whoever tells of it; and that as figures. Borrowed from the node, which outlives
/// whoever has it. Threads: the control shard.
#pragma once

#include <weft/lattice.hpp>

#include "async/blocking_pool.hpp"
#include "async/shard.hpp"
#include "bus/bus.hpp"
#include "engine/engine.hpp"
#include "host/component_manager.hpp"
#include "host/identity.hpp"
#include "host/log_ring.hpp"
#include "host/metrics.hpp"
#include "host/page_server.hpp"
#include "host/provider_manager.hpp"
#include "host/router.hpp"
#include "host/spy/spy_sessions.hpp"
#include "lattice/lattice_store.hpp"
#include "lattice/operations.hpp"
#include "supervision/tree.hpp"

namespace weft::host {

struct NodeView {
  const LatticeConfig& config;
  const Identity& identity;
  const engine::Engine& engine;
  async::Shard& control;
  async::ShardPool& shards;
  async::BlockingPool& pool;
  const bus::Bus& bus;
  lattice::Operations& operations;
  const lattice::LatticeStore& store;
  const supervision::Tree& tree;
  const ComponentManager& components;
  const ProviderManager& providers;
  const Router& router;
  const LogRing& logs;
  const PageServer& pages;
  SpySessions& spies;
};

Metrics metrics_of(const NodeView& node);
/// True from the first command that may come to the first thing that is stopped.
bool is_ready(const NodeView& node);
/// `/metrics`, `/livez` and `/readyz` at the addresses that the configuration names.
void add_pages(PageServer& pages, const NodeView& node);

}  // namespace weft::host
