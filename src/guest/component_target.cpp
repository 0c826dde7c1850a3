// SPDX-License-Identifier: Apache-2.0
#include "guest/component_target.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <latch>
#include <utility>

#include "base/assert.hpp"
#include "guest/component_shard.hpp"
#include "guest/export_name.hpp"
#include "guest/guest_bytes.hpp"
#include "guest/import_table.hpp"

namespace weft::guest {
namespace {

constexpr std::string_view kIncomingHandler = "wasi:http/incoming-handler";

/// Runs `work` for each shard's index, there, and waits for all.
template <class Work>
void on_each_shard(async::ShardPool& shards, Work work) {
  std::latch done(static_cast<std::ptrdiff_t>(shards.size()));
  for (std::size_t index = 0; index < shards.size(); ++index) {
    shards.at(index).post([&work, &done, index]() noexcept {
      work(index);
      done.count_down();
    });
  }
  done.wait();
}

}  // namespace

ComponentTarget::ComponentTarget(async::ShardPool& shards, std::shared_ptr<const LoadedComponent> component,
                                 dispatch::Dispatcher& dispatcher, const ComponentTargetConfig& config,
                                 const LogSink& log)
    : component_(std::move(component)),
      imports_(component_->deployment(), component_->id(), dispatcher, config.provided),
      permits_(std::make_shared<Permits>(shards, config.max_instances, config.max_queued)),
      shards_(shards) {
  per_shard_.reserve(shards.size());
  for (std::size_t index = 0; index < shards.size(); ++index) {
    per_shard_.push_back(std::make_unique<ComponentShard>(shards.at(index), *component_, imports_, *permits_, log));
  }
  if (component_->info().kind == WorldKind::http) {
    http_ = std::make_unique<HttpGuests>(shards, component_, log, permits_, &imports_);
  }
}

ComponentTarget::~ComponentTarget() { WEFT_ASSERT(closed_); }

std::unique_ptr<dispatch::PendingCall> ComponentTarget::invoke(async::Shard& shard,
                                                               const dispatch::Invocation& invocation,
                                                               dispatch::CallHandler& handler) {
  if (closing_.load(std::memory_order_relaxed)) {
    handler.on_error(Error(Errc::unavailable, fmt::format("\"{}\" is being stopped", id()), "call again when it runs",
                           Blame::operator_));
    return nullptr;
  }
  return per_shard_[shard.index()]->invoke(invocation, handler);
}

std::vector<dispatch::FunctionName> ComponentTarget::functions() const {
  std::vector<dispatch::FunctionName> names;
  for (const auto& exported : component_->info().functions) {
    // HTTP has a form of its own.
    if (exported.interface.starts_with(kIncomingHandler)) {
      continue;
    }
    auto name = wire_name_of(exported.interface, exported.function);
    // Messages may be taken by either of two exports.
    if (std::ranges::find(names, name) != names.end()) {
      continue;
    }
    if (component_->deployment().has_streams()) {
      if (const auto found = component_->deployment().find(export_name(exported.interface, exported.function))) {
        name.param_paths = found->param_paths();
      }
    }
    names.push_back(std::move(name));
  }
  return names;
}

void ComponentTarget::drop_resource(async::Shard& shard, const dispatch::Invocation& drop) noexcept {
  const auto handle = GuestBytes(drop.params).take_text();
  if (handle && !closing_.load(std::memory_order_relaxed)) {
    per_shard_[shard.index()]->drop_resource(std::as_bytes(std::span(*handle)));
  }
}

ComponentStats ComponentTarget::stats() const {
  ComponentStats stats;
  stats.running = permits_->running();
  stats.queued = permits_->queued();
  stats.max_instances = permits_->limit();
  for (const auto& exported : component_->info().exports) {
    stats.interfaces.emplace_back().interface = exported;
  }
  stats.interfaces.emplace_back();
  for (const auto& shard : per_shard_) {
    shard->add_stats(stats);
  }
  if (http_) {
    const auto is_http = [](const InterfaceStats& one) { return one.interface.starts_with(kIncomingHandler); };
    if (const auto found = std::ranges::find_if(stats.interfaces, is_http); found != stats.interfaces.end()) {
      http_->add_stats(*found);
    }
  }
  return stats;
}

void ComponentTarget::close(std::chrono::milliseconds grace) {
  if (std::exchange(closed_, true)) {
    return;
  }
  closing_.store(true, std::memory_order_relaxed);
  if (http_) {
    http_->refuse();
  }
  // Whatever began before the shard could see that has begun when this is over.
  on_each_shard(shards_, [](std::size_t /*index*/) {});
  permits_->wait_until_idle(std::chrono::steady_clock::now() + grace);
  if (http_) {
    http_->close();
  }
  on_each_shard(shards_, [this](std::size_t index) { per_shard_[index]->end_all(); });
  // Timers that were due already; and what the ended ones have posted, which Asio queues when their handler has ended.
  on_each_shard(shards_, [](std::size_t /*index*/) {});
  on_each_shard(shards_, [](std::size_t /*index*/) {});
}

}  // namespace weft::guest
