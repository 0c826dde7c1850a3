// SPDX-License-Identifier: Apache-2.0
#include "host/node_view.hpp"

#include "async/fence_count.hpp"
#include "host/process_figures.hpp"

namespace weft::host {
namespace {

void add_places(const supervision::NodeInfo& node, const std::string& path, std::vector<Metrics::Place>& places) {
  for (const auto& child : node.children) {
    auto child_path = path.empty() ? child.name : path + "/" + child.name;
    places.push_back({.path = child_path,
                      .kind = child.strategy ? "supervisor" : child.kind,
                      .restarts = child.restarts,
                      .is_ready = child.state == supervision::NodeState::ready});
    add_places(child, child_path, places);
  }
}

std::uint64_t exceptions(const NodeView& node) {
  auto count = node.control.failures() + async::exceptions_at_fences();
  for (std::size_t index = 0; index < node.shards.size(); ++index) {
    count += node.shards.at(index).failures();
  }
  return count;
}

Page status_page(bool is_well) {
  return {.status = is_well ? 200U : 500U,
          .content_type = "application/json",
          .body = is_well ? R"({"status":"ok"})" : R"({"status":"failure"})"};
}

}  // namespace

Metrics metrics_of(const NodeView& node) {
  Metrics metrics;
  metrics.version = weft_version();
  metrics.host_id = node.identity.id();
  metrics.host_name = node.identity.friendly_name();
  metrics.lattice = node.config.lattice;
  metrics.uptime = std::chrono::seconds(node.identity.uptime_seconds());
  for (const auto& target : node.components.targets()) {
    metrics.components.push_back({.id = target->id(), .stats = target->stats()});
  }
  metrics.link_calls = node.router.figures();
  metrics.providers = node.providers.inventory().size();
  metrics.links = node.store.links().size();
  add_places(node.tree.snapshot(), {}, metrics.places);
  for (const auto& count : node.operations.counts()) {
    metrics.operations.push_back({.kind = count.kind, .done = count.done, .failed = count.failed});
  }
  metrics.operations_running = node.operations.running();
  metrics.bus_connected = node.bus.state() == bus::BusState::connected;
  metrics.bus_dropped = node.bus.dropped();
  metrics.exceptions = exceptions(node);
  metrics.engine_pooling = node.engine.is_pooling();
  const auto process = process_figures();
  metrics.memory_bytes = process.memory_bytes;
  metrics.cpu_seconds = process.cpu_seconds;
  return metrics;
}

bool is_ready(const NodeView& node) {
  const auto commands = node.tree.find("commands");
  const auto info = commands ? node.tree.info(*commands) : std::nullopt;
  return info && info->state == supervision::NodeState::ready;
}

// Source of /livez and /readyz: control-plane facts 11.4.
void add_pages(PageServer& pages, const NodeView& node) {
  if (!node.config.metrics_listen.empty()) {
    pages.add(node.config.metrics_listen,
              {{"/metrics", {.make = [node] { return Page{200, kMetricsContentType, render(metrics_of(node))}; }}}});
  }
  if (!node.config.admin_listen.empty()) {
    pages.add(node.config.admin_listen,
              {{"/livez", {.make = [] { return status_page(true); }, .where = PageSource::Where::request}},
               {"/readyz", {.make = [node] { return status_page(is_ready(node)); }}}});
  }
}

}  // namespace weft::host
