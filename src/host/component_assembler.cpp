// SPDX-License-Identifier: Apache-2.0
#include "host/component_assembler.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <utility>

#include "builtins/logging/logging_target.hpp"
#include "wire/image_ref.hpp"

namespace weft::host {
namespace {

/// More than anybody waits, and far from where a point in time overflows.
constexpr std::uint64_t kLongestSeconds = 100ULL * 365 * 24 * 3'600;

std::optional<std::uint64_t> number_in(const std::optional<wire::StringMap>& limits, const char* key) {
  if (!limits) {
    return std::nullopt;
  }
  const auto found = limits->find(key);
  if (found == limits->end()) {
    return std::nullopt;
  }
  std::uint64_t number = 0;
  const auto& text = found->second;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(number) : std::nullopt;
}

Limits limits_of(const Limits& defaults, const std::optional<wire::StringMap>& named) {
  auto limits = defaults;
  if (const auto bytes = number_in(named, "max_memory_limit")) {
    limits.max_memory_bytes = *bytes;
  }
  if (const auto seconds = number_in(named, "max_execution_time")) {
    limits.timeout = std::chrono::seconds(std::min(*seconds, kLongestSeconds));
  }
  return limits;
}

}  // namespace

std::optional<wire::StringMap> readable_limits(const std::optional<wire::StringMap>& limits) {
  if (!limits) {
    return std::nullopt;
  }
  wire::StringMap kept;
  for (const char* key : {"max_memory_limit", "max_execution_time"}) {
    if (const auto number = number_in(limits, key)) {
      kept.emplace(key, std::to_string(*number));
    }
  }
  return kept;
}

async::Task<guest::ComponentLoader::FromFile> ComponentAssembler::fetch(std::string id, std::string reference,
                                                                        std::optional<wire::StringMap> limits) {
  WEFT_CO_TRY(const auto ref, wire::parse_image_ref(reference));
  if (ref.kind != wire::ImageKind::file) {
    co_return Error(Errc::unsupported, fmt::format("cannot fetch {}: this host loads components from files", reference),
                    "name a file as file:///path/to/component.wasm", Blame::operator_);
  }
  if (!policy_.allow_file_load) {
    co_return Error(Errc::permission_denied, fmt::format("unable to start component {} from a file", reference),
                    "start the host with --allow-file-load", Blame::operator_);
  }
  ComponentConfig config{.id = std::move(id), .grants = {}, .limits = limits_of(policy_.limits, limits)};
  const auto load = [&loader = world_.loader, path = ref.stripped, config = std::move(config)] {
    return loader.load_file(path, config, engine::Imports::all);
  };
  co_return co_await world_.pool.run(load);
}

async::Task<std::shared_ptr<RunningComponent>> ComponentAssembler::prepare(wire::ScaleComponent command) {
  WEFT_CO_TRY(auto bundle, world_.store.bundle(command.config));
  WEFT_CO_TRY(auto fetched, co_await fetch(command.component_id, command.component_ref, command.component_limits));
  if (fetched.claims) {
    WEFT_CO_CHECK(co_await world_.store.put_claims(*fetched.claims));
  }
  auto running = std::make_shared<RunningComponent>();
  running->claims = std::move(fetched.claims);
  const auto shards = world_.shards.size();
  running->config = std::make_unique<builtins::ConfigTarget>(command.component_id, shards, std::move(bundle));
  guest::ComponentTargetConfig config;
  config.max_instances = command.count;
  config.provided = {
      {"wasi:config/store", running->config->target()},
      {"wasi:config/runtime", running->config->target()},
      {"wasi:logging/logging", builtins::make_logging_target(command.component_id, shards, world_.log)},
  };
  running->target = std::make_shared<guest::ComponentTarget>(world_.shards, std::move(fetched.component),
                                                             world_.router.dispatcher(), std::move(config), world_.log);
  running->command = std::move(command);
  co_return running;
}

}  // namespace weft::host
