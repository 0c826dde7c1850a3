// SPDX-License-Identifier: Apache-2.0
#include "host/component_manager.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <ranges>
#include <utility>

#include "host/task_node.hpp"
#include "wire/claims.hpp"
#include "wire/control_subject.hpp"

namespace weft::host {
namespace {

/// Calls in flight get their grace within it.
constexpr std::chrono::minutes kStopBudget{10};
/// More than that start one after the other: no queue behind them fills up, and few routes are published at a time.
constexpr std::size_t kMaxStarting = 256;

/// One that nobody calls any more. It is closed when it goes, also if the threads for that never came to it.
class Retired {
 public:
  explicit Retired(std::shared_ptr<guest::ComponentTarget> target) : target_(std::move(target)) {}
  Retired(Retired&&) noexcept = default;
  Retired& operator=(Retired&&) = delete;
  ~Retired() { close(std::chrono::milliseconds(0)); }

  void close(std::chrono::milliseconds grace) {
    if (const auto target = std::exchange(target_, nullptr)) {
      target->close(grace);
    }
  }

 private:
  std::shared_ptr<guest::ComponentTarget> target_;
};

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

struct ComponentManager::Workload {
  std::string id;
  std::shared_ptr<RunningComponent> running;
  std::deque<Job> jobs;
  bool busy = false;
};

ComponentManager::ComponentManager(NodeWorld& world, ComponentPolicy policy)
    : world_(world),
      assembler_(world, policy),
      drain_grace_(policy.drain_grace),
      starting_(std::make_shared<async::Throttle>(kMaxStarting)),
      ending_(std::make_shared<async::Throttle>(kMaxStarting)),
      recovery_(world.control),
      tasks_(world.control) {}

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
  kept.component_limits = readable_limits(command.component_limits);
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
  WEFT_CO_TRY(const auto pass, co_await starting_->enter());
  WEFT_CO_TRY(const auto running, co_await assembler_.prepare(command));
  co_await go_live(running);
  // The lattice's entry of it is for others: callers here need not wait for the disk or the server.
  const auto entered = co_await world_.store.ensure_spec(command.component_id, command.component_ref);
  if (!entered) {
    (void)co_await leave_routes(command.component_id);
    WEFT_CO_CHECK(co_await end_calls(running->target));
    co_return entered;
  }
  tell_scaled(*running, command.count);
  co_return Result<void>();
}

/// Nobody finds it any more; gives what ran.
boost::asio::awaitable<std::shared_ptr<RunningComponent>> ComponentManager::leave_routes(std::string id) {
  auto running = std::exchange(workload(id).running, nullptr);
  follow_configs(id, running.get(), nullptr);
  world_.router.set_target(id, nullptr);
  co_await world_.router.settle();
  co_return running;
}

async::Task<void> ComponentManager::take_down(std::string id) {
  const auto running = co_await leave_routes(id);
  if (!running) {
    co_return Result<void>();
  }
  WEFT_CO_CHECK(co_await end_calls(running->target));
  if (!world_.stop_grace) {
    tell_scaled(*running, 0);
  }
  co_return Result<void>();
}

async::Task<void> ComponentManager::end_calls(std::shared_ptr<guest::ComponentTarget> target) {
  if (!world_.stop_grace) {
    retire(std::move(target));
    co_return Result<void>();
  }
  // The shards end next: nothing may be left on them. As with starts, the queue of the threads has its limit.
  const auto retired = std::make_shared<Retired>(std::move(target));
  WEFT_CO_TRY(const auto pass, co_await ending_->enter());
  const auto close = [retired, grace = *world_.stop_grace]() -> Result<void> {
    retired->close(grace);
    return {};
  };
  co_return co_await world_.draining.run(close);
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
boost::asio::awaitable<void> ComponentManager::go_live(std::shared_ptr<RunningComponent> running) {
  const auto id = running->command.component_id;
  const auto before = std::exchange(workload(id).running, running);
  follow_configs(id, before.get(), running.get());
  world_.router.set_links(id, world_.store.links_of(id));
  world_.router.set_target(id, running->entrance);
  co_await world_.router.settle();
  if (before) {
    retire(before->target);
  }
}

void ComponentManager::retire(std::shared_ptr<guest::ComponentTarget> target) {
  world_.draining.post(
      [retired = Retired(std::move(target)), grace = drain_grace_]() mutable noexcept { retired.close(grace); });
}

async::Task<void> ComponentManager::stop(wire::ScaleComponent command) {
  const bool ran = workload(command.component_id).running != nullptr;
  WEFT_CO_CHECK(co_await leave_tree(command.component_id));
  if (!ran) {
    RunningComponent none;
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
  WEFT_CO_CHECK(co_await assembler_.permit(command, running->claims));
  if (command.config != now.config) {
    WEFT_CO_TRY(auto bundle, world_.store.bundle(command.config));
    WEFT_CO_TRY(auto secrets, co_await assembler_.secrets(command, running->claims));
    running->config->update(std::move(bundle));
    running->secrets->update(std::move(secrets));
    follow_configs(command.component_id, running.get(), nullptr);
    now.config = command.config;
    follow_configs(command.component_id, nullptr, running.get());
  }
  now.count = command.count;
  now.annotations = command.annotations;
  running->target->set_max_instances(command.count);
  tell_scaled(*running, command.count);
  co_return Result<void>();
}

/// Other code, or the same with other limits: made ready before anything changes for callers.
async::Task<void> ComponentManager::replace(wire::ScaleComponent command) {
  WEFT_CO_TRY(const auto running, co_await assembler_.prepare(command));
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

// ---- what is told ----

void ComponentManager::tell_scaled(const RunningComponent& running, std::uint32_t count) {
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

std::shared_ptr<guest::ComponentTarget> ComponentManager::find(std::string_view id) const {
  const auto found = workloads_.find(id);
  return found == workloads_.end() || !found->second->running ? nullptr : found->second->running->target;
}

async::Task<std::shared_ptr<const guest::LoadedComponent>> ComponentManager::load_code(std::string id,
                                                                                       std::string reference) const {
  WEFT_CO_TRY(auto fetched, co_await assembler_.fetch(std::move(id), std::move(reference), std::nullopt));
  co_return std::move(fetched.component);
}

std::shared_ptr<dispatch::Target> ComponentManager::entrance(std::string_view id) const {
  const auto found = workloads_.find(id);
  return found == workloads_.end() || !found->second->running ? nullptr : found->second->running->entrance;
}

std::vector<std::shared_ptr<guest::ComponentTarget>> ComponentManager::targets() const {
  std::vector<std::shared_ptr<guest::ComponentTarget>> list;
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

void ComponentManager::follow_configs(const std::string& id, const RunningComponent* before,
                                      const RunningComponent* now) {
  if (before != nullptr) {
    for (const auto& name : before->command.config) {
      users_of_configs_.erase({name, id});
    }
  }
  if (now != nullptr) {
    for (const auto& name : now->command.config) {
      users_of_configs_.emplace(name, id);
    }
  }
}

void ComponentManager::on_config(const std::string& name) {
  for (auto user = users_of_configs_.lower_bound({name, ""}); user != users_of_configs_.end() && user->first == name;
       ++user) {
    const auto found = workloads_.find(user->second);
    if (found != workloads_.end() && found->second->running) {
      const auto& running = *found->second->running;
      running.config->update(world_.store.live_bundle(running.command.config));
    }
  }
}

boost::asio::awaitable<void> ComponentManager::close() { return tasks_.close(); }

}  // namespace weft::host
