// SPDX-License-Identifier: Apache-2.0
#include "host/component_assembler.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <utility>

#include "builtins/logging/logging_target.hpp"
#include "host/policed_target.hpp"
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

wire::PolicyQuestion start_of(const wire::ScaleComponent& command, const std::optional<wire::ComponentClaims>& claims) {
  wire::PolicyQuestion question{.kind = wire::PolicyKind::start_component,
                                .id = command.component_id,
                                .image_ref = command.component_ref,
                                .instances = command.count,
                                .annotations = command.annotations.value_or(wire::StringMap()),
                                .claims = {}};
  if (claims) question.claims = wire::policy_claims(*claims, std::chrono::system_clock::now());
  return question;
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
                                                                        std::optional<wire::StringMap> limits) const {
  WEFT_CO_TRY(const auto ref, wire::parse_image_ref(reference));
  if (ref.kind == wire::ImageKind::builtin) {
    co_return Error(Errc::unsupported, fmt::format("cannot start {} as a component: it is a provider", reference),
                    "start it as a provider", Blame::operator_);
  }
  if (ref.kind == wire::ImageKind::file && !policy_.allow_file_load) {
    co_return Error(Errc::permission_denied, fmt::format("unable to start component {} from a file", reference),
                    "start the host with --allow-file-load", Blame::operator_);
  }
  auto& store = *world_.artifacts.store;
  const auto get = [&store, reference] { return store.fetch(reference, registry::ArtifactKind::component); };
  // Held until the file has been read.
  WEFT_CO_TRY(const auto artifact, co_await world_.artifacts.pool.run(get));
  ComponentConfig config{.id = std::move(id), .grants = {}, .limits = limits_of(policy_.limits, limits)};
  const auto load = [&loader = world_.loader, path = artifact.path, config = std::move(config)] {
    return loader.load_file(path, config, engine::Imports::all);
  };
  WEFT_CO_TRY(auto loaded, co_await world_.pool.run(load));
  WEFT_CO_CHECK(store.policy().check(loaded.claims, reference));
  co_return loaded;
}

async::Task<void> ComponentAssembler::permit(wire::ScaleComponent command,
                                             std::optional<wire::ComponentClaims> claims) {
  if (world_.policy) WEFT_CO_CHECK(co_await world_.policy->permit(start_of(command, claims)));
  co_return Result<void>();
}

async::Task<wire::SecretMap> ComponentAssembler::secrets(wire::ScaleComponent command,
                                                         std::optional<wire::ComponentClaims> claims) {
  return world_.secrets.fetch({.names = std::move(command.config),
                               .workload = "component " + command.component_id,
                               .token = claims ? claims->jwt : std::string(),
                               .application = lattice::application_of(command.annotations)});
}

async::Task<std::shared_ptr<RunningComponent>> ComponentAssembler::prepare(wire::ScaleComponent command) {
  WEFT_CO_TRY(auto bundle, world_.store.bundle(command.config));
  WEFT_CO_TRY(auto fetched, co_await fetch(command.component_id, command.component_ref, command.component_limits));
  if (fetched.claims) {
    WEFT_CO_CHECK(co_await world_.store.put_claims(*fetched.claims));
  }
  WEFT_CO_CHECK(co_await permit(command, fetched.claims));
  WEFT_CO_TRY(auto secret_values, co_await secrets(command, fetched.claims));
  auto running = std::make_shared<RunningComponent>();
  running->claims = std::move(fetched.claims);
  const auto shards = world_.shards.size();
  running->config = std::make_unique<builtins::ConfigTarget>(command.component_id, shards, std::move(bundle));
  running->secrets = std::make_unique<builtins::SecretsTarget>(command.component_id, shards, std::move(secret_values));
  guest::ComponentTargetConfig config;
  config.max_instances = command.count;
  config.provided = {
      {"wasi:config/store", running->config->target()},
      {"wasi:config/runtime", running->config->target()},
      {"wasmcloud:secrets/store", running->secrets->target()},
      {"wasmcloud:secrets/reveal", running->secrets->target()},
      {"wasi:logging/logging", builtins::make_logging_target(command.component_id, shards, world_.log)},
  };
  running->target = std::make_shared<guest::ComponentTarget>(world_.shards, std::move(fetched.component),
                                                             world_.router.dispatcher(), std::move(config), world_.log);
  running->entrance = running->target;
  if (world_.policy) {
    running->entrance = std::make_shared<PolicedTarget>(
        running->target,
        CallPolicy::create(world_.shards, world_.control, world_.policy, start_of(command, running->claims)));
  }
  running->command = std::move(command);
  co_return running;
}

}  // namespace weft::host
