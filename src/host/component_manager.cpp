// SPDX-License-Identifier: Apache-2.0
#include "host/component_manager.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <ranges>
#include <utility>

#include "builtins/config/config_target.hpp"
#include "builtins/logging/logging_target.hpp"
#include "host/component_loader.hpp"
#include "host/task_node.hpp"
#include "wire/claims.hpp"
#include "wire/control_subject.hpp"
#include "wire/image_ref.hpp"

namespace weft::host {
namespace {

/// Calls in flight get their grace within it.
constexpr std::chrono::minutes kStopBudget{10};

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

/// Of the limits in a command, those that can be read; nothing if it names none (live-host facts A5).
std::optional<wire::StringMap> readable(const std::optional<wire::StringMap>& limits) {
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

Limits limits_of(const Limits& defaults, const std::optional<wire::StringMap>& named) {
  auto limits = defaults;
  if (const auto bytes = number_in(named, "max_memory_limit")) {
    limits.max_memory_bytes = *bytes;
  }
  if (const auto seconds = number_in(named, "max_execution_time")) {
    limits.timeout = std::chrono::milliseconds(*seconds * 1'000);
  }
  return limits;
}

bool uses(const std::vector<std::string>& configs, const std::string& name) {
  return std::ranges::find(configs, name) != configs.end();
}

std::string other_reference_warning(const std::string& running, const wire::ScaleComponent& command) {
  if (command.allow_update) {
    return fmt::format(
        "Requested to scale existing component, with a changed image reference: {} != {}. The component will be "
        "scaled, and the image reference will be updated afterwards.",
        running, command.component_ref);
  }
  return fmt::format(
      "Requested to scale existing component to a different image reference: {} != {}. The component will be scaled "
      "but the image reference will not be updated. If you meant to update this component to a new image ref, use the "
      "update command.",
      running, command.component_ref);
}

}  // namespace

/// One entry: code that answers, and what it was started with.
struct ComponentManager::Running {
  wire::ScaleComponent command;  ///< with the reference that really runs
  std::optional<wire::ComponentClaims> claims;
  std::unique_ptr<builtins::ConfigTarget> config;
  std::shared_ptr<ComponentTarget> target;
};

struct ComponentManager::Workload {
  std::string id;
  std::shared_ptr<Running> running;
  std::deque<Job> jobs;
  bool busy = false;
};

/// What has come of a reference.
struct ComponentManager::Fetched {
  std::optional<wire::ComponentClaims> claims;
  std::shared_ptr<LoadedComponent> component;
};

ComponentManager::ComponentManager(NodeWorld& world, ComponentPolicy policy)
    : world_(world), policy_(std::move(policy)), recovery_(world.control), tasks_(world.control) {}

ComponentManager::~ComponentManager() = default;

// ---- commands ----

async::Task<std::string> ComponentManager::scale(wire::ScaleComponent command, std::string operation) {
  // A scale is always accepted; what becomes of it is told by events.
  if (const auto named = wire::check_workload_id(command.component_id); !named) {
    world_.operations.failed(operation, named.error());
    tell_failed(command, named.error());
    co_return std::string();
  }
  const auto* const latest = last_accepted(command.component_id);
  std::string answer;
  auto kept = command;
  if (latest != nullptr && command.count != 0 && latest->component_ref != command.component_ref) {
    answer = other_reference_warning(latest->component_ref, command);
    if (!command.allow_update) {
      kept.component_ref = latest->component_ref;
    }
  }
  kept.component_limits = readable(command.component_limits);
  command.component_limits = kept.component_limits;
  WEFT_CO_TRY(const auto ticket, co_await world_.placements.put(std::move(kept)));
  auto id = command.component_id;
  enqueue(id, [this, command = std::move(command), operation = std::move(operation), ticket] {
    return apply(command, operation, ticket);
  });
  co_return answer;
}

async::Task<std::string> ComponentManager::update(wire::UpdateComponent command, std::string operation) {
  const auto& id = command.component_id;
  const auto* const latest = last_accepted(id);
  if (latest == nullptr) {
    co_return Error(Errc::not_found, fmt::format("component {} not found", id),
                    fmt::format("start it first: weft start component {} {}", command.new_component_ref, id),
                    Blame::operator_);
  }
  auto wanted = *latest;
  if (wanted.component_ref == command.new_component_ref && world_.placements.pending(id) == nullptr) {
    world_.operations.done(operation, "already updated");
    co_return fmt::format("component {} already updated to {}", id, command.new_component_ref);
  }
  auto answer = fmt::format("component {} updating from {} to {}", id, wanted.component_ref, command.new_component_ref);
  wanted.component_ref = command.new_component_ref;
  if (command.annotations) {
    wanted.annotations = command.annotations;
  }
  WEFT_CO_TRY(const auto ticket, co_await world_.placements.put(std::move(wanted)));
  enqueue(id, [this, command, operation, ticket] { return update_job(command, operation, ticket); });
  co_return answer;
}

/// What runs once all that was accepted has been carried out; null: nothing.
const wire::ScaleComponent* ComponentManager::last_accepted(const std::string& id) const {
  if (const auto* const pending = world_.placements.pending(id)) {
    return pending->count == 0 ? nullptr : pending;
  }
  const auto found = workloads_.find(id);
  return found == workloads_.end() || !found->second->running ? nullptr : &found->second->running->command;
}

void ComponentManager::recover(wire::ScaleComponent command) {
  recovery_.begin(command.component_id);
  (void)world_.tree.add(world_.components, child(std::move(command), supervision::FirstStart::retried));
}

/// The component's place in the supervision tree.
supervision::ChildSpec ComponentManager::child(wire::ScaleComponent command, supervision::FirstStart first_start) {
  const auto id = command.component_id;
  const bool recovered = first_start == supervision::FirstStart::retried;
  supervision::ChildSpec spec;
  spec.name = id;
  spec.kind = "component";
  spec.first_start = first_start;
  spec.start_budget = std::chrono::milliseconds(0);  // compiling takes as long as it takes
  spec.stop_budget = kStopBudget;
  spec.make = [this, id, command = std::move(command), recovered] {
    return std::make_unique<TaskNode>(
        tasks_, id, [this, command, recovered] { return bring_up(command, recovered); },
        [this, id] { return take_down(id); });
  };
  return spec;
}

ComponentManager::Workload& ComponentManager::workload(const std::string& id) {
  auto& slot = workloads_[id];
  if (!slot) {
    slot = std::make_shared<Workload>();
    slot->id = id;
  }
  return *slot;
}

void ComponentManager::enqueue(const std::string& id, Job job) {
  auto& entry = workload(id);
  entry.jobs.push_back(std::move(job));
  if (!std::exchange(entry.busy, true)) {
    tasks_.spawn("component " + id, run_jobs(workloads_[id]));
  }
}

async::Task<void> ComponentManager::run_jobs(std::shared_ptr<Workload> entry) {
  while (!entry->jobs.empty()) {
    const auto job = std::move(entry->jobs.front());
    entry->jobs.pop_front();
    if (const auto done = co_await job(); !done && done.error().code() == Errc::cancelled) {
      break;
    }
  }
  entry->busy = false;
  if (!entry->running && entry->jobs.empty()) {
    workloads_.erase(entry->id);
  }
  co_return Result<void>();
}

// ---- what commands do ----

async::Task<void> ComponentManager::apply(wire::ScaleComponent command, std::string operation,
                                          Placements::Ticket ticket) {
  const auto& id = command.component_id;
  const auto done = co_await scale_to(command);
  if (!done && world_.stop_grace) {
    world_.operations.failed(operation, done.error());
    co_return done;  // accepted and interrupted: the restarted host carries it out
  }
  co_await settle(id, ticket);
  if (done) {
    world_.operations.done(operation, command.count == 0 ? "stopped" : "serves");
  } else {
    world_.operations.failed(operation, done.error());
    tell_failed(command, done.error());
  }
  co_return done;
}

/// What could not be started is not wanted for ever; what runs goes on as it does.
boost::asio::awaitable<void> ComponentManager::settle(std::string id, Placements::Ticket ticket) {
  const auto running = workload(id).running;
  const auto kept =
      co_await world_.placements.settle_component(id, ticket, running ? std::optional(running->command) : std::nullopt);
  if (!kept && world_.log) {
    world_.log(LogLevel::error, id, fmt::format("what runs could not be kept: {}", kept.error().to_string()));
  }
}

async::Task<void> ComponentManager::scale_to(wire::ScaleComponent command) {
  const auto running = workload(command.component_id).running;
  if (command.count == 0) {
    return stop(std::move(command));
  }
  if (!running) {
    return start(std::move(command));
  }
  return rescale(std::move(command));
}

async::Task<void> ComponentManager::start(wire::ScaleComponent command) {
  // One that is being recovered without success makes room.
  WEFT_CO_CHECK(co_await leave_tree(command.component_id));
  co_return co_await told([this, &command](supervision::Done done) {
    return world_.tree.add(world_.components, child(command, supervision::FirstStart::required), std::move(done));
  });
}

async::Task<void> ComponentManager::bring_up(wire::ScaleComponent command, bool recovered) {
  const auto brought = co_await prepare_and_go_live(command);
  if (!brought && recovered) {
    tell_failed(command, brought.error());
  }
  recovery_.attempted(command.component_id);
  co_return brought;
}

async::Task<void> ComponentManager::prepare_and_go_live(wire::ScaleComponent command) {
  WEFT_CO_TRY(const auto running, co_await prepare(command));
  WEFT_CO_CHECK(co_await world_.store.ensure_spec(command.component_id, command.component_ref));
  co_await go_live(running);
  tell_scaled(*running, command.count);
  co_return Result<void>();
}

async::Task<void> ComponentManager::take_down(std::string id) {
  const auto running = std::exchange(workload(id).running, nullptr);
  world_.router.set_target(id, nullptr);
  co_await world_.router.settle();
  if (!running) {
    co_return Result<void>();
  }
  if (world_.stop_grace) {
    // The shards end next: nothing may be left on them.
    const auto close = [target = running->target, grace = *world_.stop_grace]() -> Result<void> {
      target->close(grace);
      return {};
    };
    co_return co_await world_.draining.run(close);
  }
  retire(running->target);
  tell_scaled(*running, 0);
  co_return Result<void>();
}

async::Task<void> ComponentManager::leave_tree(std::string id) {
  const auto place = world_.tree.find("components/" + id);
  if (!place) {
    co_return Result<void>();
  }
  co_return co_await told(
      [this, &place](supervision::Done done) { return world_.tree.remove(*place, std::move(done)); });
}

/// Calls reach `running` from now on; whatever answered before ends its calls and goes.
boost::asio::awaitable<void> ComponentManager::go_live(std::shared_ptr<Running> running) {
  const auto id = running->command.component_id;
  const auto before = std::exchange(workload(id).running, running);
  world_.router.set_links(id, world_.store.links_of(id));
  world_.router.set_target(id, running->target);
  co_await world_.router.settle();
  if (before) {
    retire(before->target);
  }
}

void ComponentManager::retire(std::shared_ptr<ComponentTarget> target) {
  world_.draining.post([target = std::move(target), grace = policy_.drain_grace]() noexcept { target->close(grace); });
}

async::Task<void> ComponentManager::stop(wire::ScaleComponent command) {
  const bool ran = workload(command.component_id).running != nullptr;
  WEFT_CO_CHECK(co_await leave_tree(command.component_id));
  if (!ran) {
    Running none;
    none.command = command;
    tell_scaled(none, 0);
  }
  co_return Result<void>();
}

async::Task<void> ComponentManager::rescale(wire::ScaleComponent command) {
  const auto running = workload(command.component_id).running;
  auto& now = running->command;
  const bool other_code = command.allow_update && command.component_ref != now.component_ref;
  // Without limits the command asks for the host's, unless it changes nothing else: then it is a repetition.
  const bool repeats = command.count == now.count && command.config == now.config;
  const bool other_limits = command.component_limits != now.component_limits && (command.component_limits || !repeats);
  if (other_code || other_limits) {
    if (!other_code) {
      command.component_ref = now.component_ref;
    }
    return replace(std::move(command));
  }
  return adjust(std::move(command));
}

/// The same code with another limit of instances, other configurations or annotations.
async::Task<void> ComponentManager::adjust(wire::ScaleComponent command) {
  const auto running = workload(command.component_id).running;
  auto& now = running->command;
  if (command.config != now.config) {
    WEFT_CO_TRY(auto bundle, world_.store.bundle(command.config));
    running->config->update(std::move(bundle));
    now.config = command.config;
  }
  now.count = command.count;
  now.annotations = command.annotations;
  running->target->set_max_instances(command.count);
  tell_scaled(*running, command.count);
  co_return Result<void>();
}

/// Other code, or the same with other limits: made ready before anything changes for callers.
async::Task<void> ComponentManager::replace(wire::ScaleComponent command) {
  WEFT_CO_TRY(const auto running, co_await prepare(command));
  co_await go_live(running);
  tell_scaled(*running, command.count);
  co_return Result<void>();
}

async::Task<void> ComponentManager::update_job(wire::UpdateComponent command, std::string operation,
                                               Placements::Ticket ticket) {
  const auto& id = command.component_id;
  const auto replaced = co_await update_now(command);
  if (replaced || !world_.stop_grace) {
    co_await settle(id, ticket);
  }
  if (replaced) {
    world_.operations.done(operation, "serves " + command.new_component_ref);
    co_return replaced;
  }
  world_.operations.failed(operation, replaced.error());
  if (world_.log) {
    world_.log(LogLevel::error, id,
               fmt::format("cannot be updated to {}: {}", command.new_component_ref, replaced.error().to_string()));
  }
  co_return replaced;
}

async::Task<void> ComponentManager::update_now(wire::UpdateComponent command) {
  const auto running = workload(command.component_id).running;
  if (!running) {
    co_return Error(Errc::not_found, fmt::format("component {} has been stopped meanwhile", command.component_id));
  }
  if (running->command.component_ref == command.new_component_ref) {
    co_return Result<void>();
  }
  auto wanted = running->command;
  wanted.component_ref = command.new_component_ref;
  if (command.annotations) {
    wanted.annotations = command.annotations;
  }
  co_return co_await replace(std::move(wanted));
}

// ---- from a reference to something that answers ----

async::Task<ComponentManager::Fetched> ComponentManager::fetch(std::string id, std::string reference,
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
  const auto load = [&loader = world_.loader, path = ref.stripped, config = std::move(config)]() -> Result<Fetched> {
    WEFT_TRY(const auto wasm, read_component_file(path));
    WEFT_TRY(auto claims, wire::extract_component_claims(wasm, std::chrono::system_clock::now()));
    auto loaded = loader.load(wasm, config, engine::Imports::all);
    if (!loaded) {
      return about_file(loaded.error(), path);
    }
    return Fetched{std::move(claims), *std::move(loaded)};
  };
  co_return co_await world_.pool.run(load);
}

async::Task<std::shared_ptr<ComponentManager::Running>> ComponentManager::prepare(wire::ScaleComponent command) {
  WEFT_CO_TRY(auto bundle, world_.store.bundle(command.config));
  WEFT_CO_TRY(auto fetched, co_await fetch(command.component_id, command.component_ref, command.component_limits));
  if (fetched.claims) {
    WEFT_CO_CHECK(co_await world_.store.put_claims(*fetched.claims));
  }
  auto running = std::make_shared<Running>();
  running->claims = std::move(fetched.claims);
  const auto shards = world_.shards.size();
  running->config = std::make_unique<builtins::ConfigTarget>(command.component_id, shards, std::move(bundle));
  ComponentTargetConfig config;
  config.max_instances = command.count;
  config.provided = {
      {"wasi:config/store", running->config->target()},
      {"wasi:config/runtime", running->config->target()},
      {"wasi:logging/logging", builtins::make_logging_target(command.component_id, shards, world_.log)},
  };
  running->target = std::make_shared<ComponentTarget>(world_.shards, std::move(fetched.component),
                                                      world_.router.dispatcher(), std::move(config), world_.log);
  running->command = std::move(command);
  co_return running;
}

// ---- what is told ----

void ComponentManager::tell_scaled(const Running& running, std::uint32_t count) {
  const auto& command = running.command;
  world_.events.publish("component_scaled",
                        wire::component_scaled_data({.component_id = command.component_id,
                                                     .host_id = world_.host_id,
                                                     .image_ref = command.component_ref,
                                                     .annotations = command.annotations.value_or(wire::StringMap()),
                                                     .max_instances = count,
                                                     .claims = running.claims ? &*running.claims : nullptr,
                                                     .error = {}}));
}

void ComponentManager::tell_failed(const wire::ScaleComponent& command, const Error& error) {
  world_.events.publish("component_scale_failed", wire::component_scale_failed_data(
                                                      {.component_id = command.component_id,
                                                       .host_id = world_.host_id,
                                                       .image_ref = command.component_ref,
                                                       .annotations = command.annotations.value_or(wire::StringMap()),
                                                       .max_instances = command.count,
                                                       .claims = nullptr,
                                                       .error = error.to_string()}));
}

bool ComponentManager::runs(std::string_view id) const { return find(id) != nullptr; }

std::shared_ptr<ComponentTarget> ComponentManager::find(std::string_view id) const {
  const auto found = workloads_.find(id);
  return found == workloads_.end() || !found->second->running ? nullptr : found->second->running->target;
}

std::vector<std::shared_ptr<ComponentTarget>> ComponentManager::targets() const {
  std::vector<std::shared_ptr<ComponentTarget>> list;
  for (const auto& [id, entry] : workloads_) {
    if (entry->running) {
      list.push_back(entry->running->target);
    }
  }
  return list;
}

Result<std::vector<std::string>> ComponentManager::config_of(std::string_view id) const {
  const auto found = workloads_.find(id);
  if (found == workloads_.end() || !found->second->running) {
    return Error(Errc::not_found, fmt::format("component \"{}\" does not run on this host", id), {}, Blame::operator_);
  }
  return found->second->running->command.config;
}

std::vector<wire::ComponentDescription> ComponentManager::inventory() const {
  std::vector<wire::ComponentDescription> list;
  for (const auto& [id, entry] : workloads_) {
    if (!entry->running) {
      continue;
    }
    const auto& command = entry->running->command;
    const auto& claims = entry->running->claims;
    list.push_back({.id = id,
                    .image_ref = command.component_ref,
                    .name = claims ? std::optional(claims->name) : std::nullopt,
                    .annotations = command.annotations.value_or(wire::StringMap()),
                    .revision = claims ? claims->revision : 0,
                    .max_instances = command.count,
                    .limits = command.component_limits});
  }
  return list;
}

void ComponentManager::on_config(const std::string& name) {
  for (const auto& [id, entry] : workloads_) {
    if (entry->running && uses(entry->running->command.config, name)) {
      entry->running->config->update(world_.store.live_bundle(entry->running->command.config));
    }
  }
}

boost::asio::awaitable<void> ComponentManager::close() { return tasks_.close(); }

}  // namespace weft::host
