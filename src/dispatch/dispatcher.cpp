// SPDX-License-Identifier: Apache-2.0
#include "dispatch/dispatcher.hpp"

#include <fmt/format.h>

#include <chrono>
#include <utility>

#include "async/every_shard.hpp"
#include "base/assert.hpp"

namespace weft::dispatch {
namespace {

constexpr std::string_view kDefaultLink = "default";

/// "ns:pkg/iface" in its parts; what is missing is empty.
struct InterfaceParts {
  std::string_view ns, package, name;

  explicit InterfaceParts(std::string_view key) {
    const auto colon = key.find(':');
    const auto slash = key.find('/', colon == std::string_view::npos ? 0 : colon);
    ns = key.substr(0, colon == std::string_view::npos ? 0 : colon);
    package = key.substr(ns.size() + (ns.empty() ? 0 : 1), slash - ns.size() - (ns.empty() ? 0 : 1));
    name = slash == std::string_view::npos ? std::string_view() : key.substr(slash + 1);
  }
};

Error no_link(std::string_view source, std::string_view link_name, std::string_view interface_key) {
  const InterfaceParts parts(interface_key);
  const auto name = link_name == kDefaultLink ? std::string() : fmt::format(" --link-name {}", link_name);
  return Error(Errc::not_found, fmt::format("\"{}\" has no link named \"{}\" for {}", source, link_name, interface_key),
               fmt::format("link it to what answers: weft link put {} <target> {} {} --interface {}{}", source,
                           parts.ns, parts.package, parts.name, name),
               Blame::operator_);
}

Error not_running(std::string_view source, std::string_view link_name, std::string_view interface_key,
                  std::string_view target) {
  return Error(
      Errc::unavailable,
      fmt::format("\"{}\", which the link \"{}\" of \"{}\" for {} leads to, does not run", target, link_name, source,
                  interface_key),
      fmt::format("start it: weft start component <ref> {0} (a provider: weft start provider <ref> {0})", target),
      Blame::operator_);
}

Error too_deep(const Invocation& invocation) {
  return Error(Errc::resource_exhausted,
               fmt::format("calls are nested {} deep, with \"{}\" calling {}#{}; deeper is not allowed", kMaxDepth,
                           invocation.context.source, invocation.interface, invocation.function),
               "look for links that lead back to where the call came from", Blame::operator_);
}

void begin(CallMeter* meter, const async::Shard& shard, const FoundRoute& found, CallMeter::Clock::time_point now) {
  if (meter != nullptr && shard.index() < found.counters.size()) {
    meter->begin(found.counters[shard.index()].get(), now);
  }
}

}  // namespace

struct Dispatcher::PerShard {
  std::shared_ptr<const RoutingSnapshot> snapshot = std::make_shared<RoutingSnapshot>();
};

Dispatcher::Dispatcher(async::ShardPool& shards) : shards_(shards) {
  per_shard_.reserve(shards.size());
  for (std::size_t index = 0; index < shards.size(); ++index) {
    per_shard_.push_back(std::make_unique<PerShard>());
  }
}

Dispatcher::~Dispatcher() = default;

std::unique_ptr<PendingCall> Dispatcher::invoke(async::Shard& shard, std::string_view interface_key,
                                                const Invocation& invocation, CallHandler& handler, CallMeter* meter) {
  const auto& context = invocation.context;
  if (context.depth > kMaxDepth) {
    handler.on_error(too_deep(invocation));
    return nullptr;
  }
  const auto found = per_shard_[shard.index()]->snapshot->find(context.source, context.link_name, interface_key);
  const auto now = CallMeter::Clock::now();
  begin(meter, shard, found, now);
  if (!found || *found.target == nullptr) {
    handler.on_error(found ? not_running(context.source, context.link_name, interface_key, found.target_id)
                           : no_link(context.source, context.link_name, interface_key));
    return nullptr;
  }
  if (context.deadline <= now) {
    handler.on_error(
        Error(Errc::deadline_exceeded, fmt::format("the time for the call was over before {}#{} of \"{}\" was called",
                                                   invocation.interface, invocation.function, found.target_id)));
    return nullptr;
  }
  return (*found.target)->invoke(shard, invocation, handler);
}

Result<std::shared_ptr<Target>> Dispatcher::find(async::Shard& shard, std::string_view source,
                                                 std::string_view link_name, std::string_view interface_key,
                                                 CallMeter* meter) const {
  const auto found = per_shard_[shard.index()]->snapshot->find(source, link_name, interface_key);
  if (meter != nullptr) {
    begin(meter, shard, found, CallMeter::Clock::now());
  }
  if (!found) {
    return no_link(source, link_name, interface_key);
  }
  if (*found.target == nullptr) {
    return not_running(source, link_name, interface_key, found.target_id);
  }
  return *found.target;
}

bool Dispatcher::has_link(async::Shard& shard, std::string_view source, std::string_view link_name,
                          std::string_view interface_key) const {
  return static_cast<bool>(per_shard_[shard.index()]->snapshot->find(source, link_name, interface_key));
}

async::Task<void> Dispatcher::publish(std::shared_ptr<const RoutingSnapshot> snapshot) {
  WEFT_ASSERT(snapshot != nullptr);
  return async::run_on_every_shard(shards_, [this, snapshot = std::move(snapshot)](std::size_t index) {
    return [snapshot, mine = per_shard_[index].get()]() mutable noexcept {
      // The old one may die here, and with it the last of a target: after the new one is in its place.
      const auto old = std::exchange(mine->snapshot, std::move(snapshot));
    };
  });
}

}  // namespace weft::dispatch
