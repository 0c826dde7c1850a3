// SPDX-License-Identifier: Apache-2.0
#include "host/provider_manager.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <ranges>
#include <utility>

#include "async/completion.hpp"
#include "async/deadline.hpp"
#include "host/task_node.hpp"
#include "wire/control_subject.hpp"
#include "wire/image_ref.hpp"

namespace weft::host {
namespace {

using namespace std::chrono_literals;

/// What a stop may take beyond the grace that the provider is given.
constexpr std::chrono::milliseconds kStopMargin = 5s;
constexpr std::chrono::milliseconds kPoll = 5ms;
/// A command's answer waits so long for a provider to take a link.
constexpr std::chrono::milliseconds kSettleTimeout = 1'500ms;

async::Task<void> complete(async::Completion<void> done) {
  (void)done.complete({});
  co_return Result<void>();
}

builtins::ProviderLink without_config(const wire::Link& link) {
  return {.source = link.source_id,
          .target = link.target,
          .name = link.name,
          .wit_namespace = link.wit_namespace,
          .wit_package = link.wit_package,
          .interfaces = link.interfaces,
          .source_config = {},
          .target_config = {}};
}

std::string describe(const wire::Link& link) {
  return fmt::format("link {} of {} to {} ({}:{})", link.name, link.source_id, link.target, link.wit_namespace,
                     link.wit_package);
}

}  // namespace

struct ProviderManager::Entry {
  wire::StartProvider command;
  std::string image_ref;                         ///< without scheme, for events and inventory
  std::unique_ptr<builtins::Provider> provider;  ///< null: starts, or has stopped
  std::deque<Job> jobs;
  bool busy = false;
  bool stopping = false;
};

ProviderManager::ProviderManager(NodeWorld& world, const builtins::ProviderRegistry& registry, ProviderPolicy policy)
    : world_(world), registry_(registry), policy_(std::move(policy)), recovery_(world.control), tasks_(world.control) {}

ProviderManager::~ProviderManager() = default;

// ---- commands ----

async::Task<std::string> ProviderManager::start(wire::StartProvider command, std::string operation) {
  const auto id = command.provider_id;
  if (const auto named = wire::check_workload_id(id); !named) {
    tell("provider_start_failed", *make_entry(std::move(command)), &named.error());
    world_.operations.failed(operation, named.error());
    co_return std::string("successfully started provider");
  }
  if (entries_.contains(id)) {
    co_return Error(Errc::already_exists, "provider with that ID is already running",
                    fmt::format("stop it first: weft stop provider {}", id), Blame::operator_);
  }
  auto entry = make_entry(command);
  entries_.emplace(id, entry);
  const auto ticket = co_await world_.placements.put(command);
  if (!ticket) {
    entries_.erase(id);
    co_return ticket.error();
  }
  enqueue(entry, [this, operation = std::move(operation), ticket = *ticket](std::shared_ptr<Entry> starting) {
    return begin_and_tell(std::move(starting), operation, ticket);
  });
  co_return std::string("successfully started provider");
}

async::Task<std::string> ProviderManager::stop(wire::StopProvider command, std::string operation) {
  const auto found = entries_.find(command.provider_id);
  if (found == entries_.end() || found->second->stopping) {
    co_return Error(Errc::not_found, "provider with that ID is not running", "see what runs with: weft get providers",
                    Blame::operator_);
  }
  const auto entry = found->second;
  entry->stopping = true;
  const auto removed = co_await world_.placements.remove_provider(command.provider_id);
  if (!removed) {
    entry->stopping = false;  // it goes on
    co_return removed.error();
  }
  if (const auto place = world_.tree.find("providers/" + command.provider_id)) {
    WEFT_CO_CHECK(
        co_await told([this, &place](supervision::Done done) { return world_.tree.remove(*place, std::move(done)); }));
  }
  entries_.erase(command.provider_id);
  tell("provider_stopped", *entry, nullptr);
  world_.operations.done(operation, "stopped");
  co_return std::string("successfully stopped provider");
}

void ProviderManager::recover(wire::StartProvider command) {
  recovery_.begin(command.provider_id);
  auto entry = make_entry(std::move(command));
  entries_.emplace(entry->command.provider_id, entry);
  (void)world_.tree.add(world_.providers, child(entry, supervision::FirstStart::retried));
}

std::shared_ptr<ProviderManager::Entry> ProviderManager::make_entry(wire::StartProvider command) {
  auto entry = std::make_shared<Entry>();
  const auto ref = wire::parse_image_ref(command.provider_ref);
  entry->image_ref = ref ? ref->stripped : command.provider_ref;
  entry->command = std::move(command);
  return entry;
}

/// The provider's place in the supervision tree.
supervision::ChildSpec ProviderManager::child(const std::shared_ptr<Entry>& entry,
                                              supervision::FirstStart first_start) {
  const bool recovered = first_start == supervision::FirstStart::retried;
  supervision::ChildSpec spec;
  spec.name = entry->command.provider_id;
  spec.kind = entry->image_ref;
  spec.first_start = first_start;
  spec.stop_budget = policy_.stop_grace + kStopMargin;
  spec.make = [this, entry, recovered] {
    return std::make_unique<TaskNode>(
        tasks_, entry->command.provider_id, [this, entry, recovered] { return bring_up(entry, recovered); },
        [this, entry] { return take_down(entry); });
  };
  return spec;
}

void ProviderManager::enqueue(const std::shared_ptr<Entry>& entry, Job job) {
  entry->jobs.push_back(std::move(job));
  if (!std::exchange(entry->busy, true)) {
    tasks_.spawn("provider " + entry->command.provider_id, run_jobs(entry));
  }
}

async::Task<void> ProviderManager::run_jobs(std::shared_ptr<Entry> entry) {
  while (!entry->jobs.empty()) {
    const auto job = std::move(entry->jobs.front());
    entry->jobs.pop_front();
    if (const auto done = co_await job(entry); !done && done.error().code() == Errc::cancelled) {
      break;
    }
  }
  entry->busy = false;
  co_return Result<void>();
}

// ---- what commands do ----

async::Task<void> ProviderManager::begin_and_tell(std::shared_ptr<Entry> entry, std::string operation,
                                                  Placements::Ticket ticket) {
  const auto id = entry->command.provider_id;
  const auto begun = co_await told([this, &entry](supervision::Done done) {
    return world_.tree.add(world_.providers, child(entry, supervision::FirstStart::required), std::move(done));
  });
  if (begun) {
    world_.operations.done(operation, "runs");
    co_return begun;
  }
  world_.operations.failed(operation, begun.error());
  if (world_.stop_grace) {
    co_return begun;  // accepted and interrupted: the restarted host carries it out
  }
  tell("provider_start_failed", *entry, &begun.error());
  if (!entry->stopping) {
    entries_.erase(id);
    WEFT_CO_CHECK(co_await world_.placements.withdraw_provider(id, ticket));
  }
  co_return begun;
}

async::Task<void> ProviderManager::bring_up(std::shared_ptr<Entry> entry, bool recovered) {
  const auto begun = co_await begin(entry);
  if (!begun && recovered) {
    tell("provider_start_failed", *entry, &begun.error());
  }
  recovery_.attempted(entry->command.provider_id);
  co_return begun;
}

async::Task<void> ProviderManager::begin(std::shared_ptr<Entry> entry) {
  const auto& command = entry->command;
  const auto id = command.provider_id;
  WEFT_CO_TRY(const auto ref, wire::parse_image_ref(command.provider_ref));
  if (ref.kind != wire::ImageKind::builtin) {
    co_return Error(Errc::unsupported,
                    fmt::format("cannot run {}: this host runs built-in providers", command.provider_ref),
                    "name one as wasmcloud+builtin://NAME", Blame::operator_);
  }
  const auto factory = registry_.find(ref.stripped);
  if (factory == registry_.end()) {
    co_return Error(Errc::not_found, fmt::format("there is no built-in provider {}", ref.stripped),
                    fmt::format("this host has: {}", fmt::join(std::views::keys(registry_), ", ")), Blame::operator_);
  }
  builtins::ProviderContext context;
  context.id = id;
  WEFT_CO_TRY(context.config, world_.store.bundle(command.config));
  context.shards = &world_.shards;
  context.dispatcher = &world_.router.dispatcher();
  context.log = world_.log;
  context.post_blocking = [&pool = world_.pool](auto work) { return pool.post(std::move(work)); };
  if (!policy_.data_dir.empty()) {
    context.data_dir = policy_.data_dir + "/providers/" + id;
  }
  WEFT_CO_TRY(entry->provider, co_await world_.pool.run(
                                   [make = factory->second, context = std::move(context)] { return make(context); }));
  WEFT_CO_CHECK(co_await world_.store.ensure_spec(id, ref.stripped));
  // A link that cannot be resolved or is refused does not keep the provider from the others.
  auto links = world_.store.links_of(id);
  std::ranges::copy(world_.store.links_to(id), std::back_inserter(links));
  for (const auto& link : links) {
    (void)co_await hand_over(entry, link);
  }
  if (auto target = entry->provider->target()) {
    world_.router.set_target(id, target);
  }
  world_.router.set_links(id, world_.store.links_of(id));
  co_await world_.router.settle();
  tell("provider_started", *entry, nullptr);
  co_return Result<void>();
}

async::Task<void> ProviderManager::take_down(std::shared_ptr<Entry> entry) {
  entry->stopping = true;
  // What is under way for it ends first; what waits is not begun any more.
  entry->jobs.clear();
  while (entry->busy) {
    WEFT_CO_CHECK(co_await async::sleep_for(kPoll));
  }
  world_.router.set_target(entry->command.provider_id, nullptr);
  co_await world_.router.settle();
  const auto stop = [provider = entry->provider.get(),
                     grace = world_.stop_grace.value_or(policy_.stop_grace)]() -> Result<void> {
    provider->stop(grace);
    return {};
  };
  const auto stopped = co_await world_.draining.run(stop);
  entry->provider.reset();
  entry->stopping = false;
  co_return stopped;
}

// ---- links and configurations ----

void ProviderManager::on_links(const std::vector<wire::Link>& before, const std::vector<wire::Link>& now) {
  const auto both_ends = [this](const wire::Link& link, auto&& tell_entry) {
    for (const auto* id : {&link.source_id, &link.target}) {
      const auto found = entries_.find(*id);
      if (found != entries_.end() && (id == &link.source_id || link.target != link.source_id)) {
        tell_entry(found->second);
      }
    }
  };
  const auto changes = wire::compare_links(before, now);
  for (const auto* link : changes.gone) {
    both_ends(*link, [this, link](const std::shared_ptr<Entry>& entry) {
      enqueue(entry, [this, gone = *link](std::shared_ptr<Entry> told) { return take_back(std::move(told), gone); });
    });
  }
  for (const auto* link : changes.put) {
    both_ends(*link, [this, link](const std::shared_ptr<Entry>& entry) {
      enqueue(entry, [this, put = *link](std::shared_ptr<Entry> told) { return hand_over(std::move(told), put); });
    });
  }
}

async::Task<void> ProviderManager::hand_over(std::shared_ptr<Entry> entry, wire::Link link) {
  if (!entry->provider || entry->stopping) {
    co_return Result<void>();
  }
  auto resolved = without_config(link);
  auto source = world_.store.bundle(link.source_config);
  auto target = world_.store.bundle(link.target_config);
  if (!source || !target) {
    const auto& error = source ? target.error() : source.error();
    log(LogLevel::error, *entry, fmt::format("{} is skipped: {}", describe(link), error.to_string()));
    co_return error;
  }
  resolved.source_config = *std::move(source);
  resolved.target_config = *std::move(target);
  const auto put = [provider = entry->provider.get(), resolved = std::move(resolved)] {
    return provider->put_link(resolved);
  };
  const auto done = co_await world_.pool.run(put);
  if (!done) {
    log(LogLevel::error, *entry, fmt::format("{} is refused: {}", describe(link), done.error().to_string()));
  }
  co_return done;
}

async::Task<void> ProviderManager::take_back(std::shared_ptr<Entry> entry, wire::Link link) {
  if (!entry->provider || entry->stopping) {
    co_return Result<void>();
  }
  const auto remove = [provider = entry->provider.get(), gone = without_config(link)]() -> Result<void> {
    provider->delete_link(gone);
    return {};
  };
  co_return co_await world_.pool.run(remove);
}

void ProviderManager::on_config(const std::string& name) {
  for (const auto& [id, entry] : entries_) {
    if (std::ranges::find(entry->command.config, name) != entry->command.config.end()) {
      enqueue(entry, [this](std::shared_ptr<Entry> told) { return configure(std::move(told)); });
    }
  }
}

boost::asio::awaitable<void> ProviderManager::settle() {
  std::vector<std::shared_ptr<Entry>> busy;
  for (const auto& [id, entry] : entries_) {
    if (entry->busy) {
      busy.push_back(entry);
    }
  }
  for (const auto& entry : busy) {
    auto told_all = async::wait_for_completion<void>([this, &entry](const async::Completion<void>& done) {
      enqueue(entry, [done](const std::shared_ptr<Entry>& /*told*/) -> async::Task<void> { return complete(done); });
    });
    (void)co_await async::with_deadline(std::move(told_all), kSettleTimeout);
  }
}

async::Task<void> ProviderManager::configure(std::shared_ptr<Entry> entry) {
  if (!entry->provider || entry->stopping) {
    co_return Result<void>();
  }
  const auto update = [provider = entry->provider.get(), config = world_.store.live_bundle(entry->command.config)] {
    return provider->update_config(config);
  };
  const auto done = co_await world_.pool.run(update);
  if (!done) {
    log(LogLevel::error, *entry, fmt::format("its new configuration is refused: {}", done.error().to_string()));
  }
  co_return done;
}

// ---- what is told ----

void ProviderManager::tell(std::string_view event, const Entry& entry, const Error* error) {
  wire::ProviderEvent data{.provider_id = entry.command.provider_id,
                           .host_id = world_.host_id,
                           .image_ref = error == nullptr ? entry.image_ref : entry.command.provider_ref,
                           .annotations = entry.command.annotations.value_or(wire::StringMap()),
                           .claims = nullptr,
                           .error = error == nullptr ? std::string() : error->to_string()};
  const auto text = error != nullptr              ? wire::provider_start_failed_data(data)
                    : event == "provider_started" ? wire::provider_started_data(data)
                                                  : wire::provider_stopped_data(data);
  world_.events.publish(event, text);
}

void ProviderManager::log(LogLevel level, const Entry& entry, const std::string& line) const {
  if (world_.log) {
    world_.log(level, entry.command.provider_id, line);
  }
}

bool ProviderManager::runs(std::string_view id) const { return entries_.contains(id); }

std::vector<wire::ProviderDescription> ProviderManager::inventory() const {
  std::vector<wire::ProviderDescription> list;
  for (const auto& [id, entry] : entries_) {
    if (entry->provider) {
      list.push_back({.id = id,
                      .image_ref = entry->image_ref,
                      .name = entry->image_ref,
                      .annotations = entry->command.annotations.value_or(wire::StringMap()),
                      .revision = 0});
    }
  }
  return list;
}

boost::asio::awaitable<void> ProviderManager::close() { return tasks_.close(); }

}  // namespace weft::host
