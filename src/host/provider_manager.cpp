// SPDX-License-Identifier: Apache-2.0
#include "host/provider_manager.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "async/completion.hpp"
#include "async/deadline.hpp"
#include "host/entropy.hpp"
#include "host/provider_mark.hpp"
#include "host/task_node.hpp"
#include "supervision/asio_runtime.hpp"
#include "wire/config_merge.hpp"
#include "wire/control_subject.hpp"
#include "wire/image_ref.hpp"

namespace weft::host {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds kPoll = 5ms;
/// A command's answer waits so long for a provider to take a link.
constexpr std::chrono::milliseconds kSettleTimeout = 1'500ms;

async::Task<void> complete(async::Completion<void> done) {
  (void)done.complete({});
  co_return Result<void>();
}

std::string programs_folder(const std::string& data_dir) { return data_dir.empty() ? "" : data_dir + "/run/programs"; }

/// The secrets that lists of configurations name, once each.
class FetchedSecrets {
 public:
  /// Of the provider's own list and of its links' a set that is not here yet.
  [[nodiscard]] std::optional<std::vector<std::string>> missing(const std::vector<std::string>& own,
                                                                const std::vector<wire::Link>& links) const {
    if (is_missing(own)) return names_of(own);
    for (const auto& link : links) {
      if (is_missing(link.source_config)) return names_of(link.source_config);
      if (is_missing(link.target_config)) return names_of(link.target_config);
    }
    return std::nullopt;
  }
  void add(std::vector<std::string> names, Result<wire::SecretMap> secrets) {
    fetched_.insert_or_assign(std::move(names), std::move(secrets));
  }
  [[nodiscard]] Result<wire::SecretMap> find(const std::vector<std::string>& list) const {
    const auto found = fetched_.find(names_of(list));
    return found == fetched_.end() ? wire::SecretMap() : found->second;
  }

 private:
  static std::vector<std::string> names_of(const std::vector<std::string>& list) {
    return wire::split_config_names(list).secrets;
  }
  [[nodiscard]] bool is_missing(const std::vector<std::string>& list) const {
    const auto names = names_of(list);
    return !names.empty() && !fetched_.contains(names);
  }

  std::map<std::vector<std::string>, Result<wire::SecretMap>> fetched_;
};

std::string describe(const wire::Link& link) {
  return fmt::format("link {} of {} to {} ({}:{})", link.name, link.source_id, link.target, link.wit_namespace,
                     link.wit_package);
}

}  // namespace

struct ProviderManager::Entry final : ProviderHome {
  explicit Entry(ProviderManager& its) : manager(its) {}

  // ProviderHome
  async::Task<void> permit() override;
  async::Task<Provision> provision() override;
  /// The links that it is an end of.
  [[nodiscard]] std::vector<wire::Link> links() const;
  void started() override;
  void answered(Result<std::string> message) override;
  void failed(const Error& error) override;
  async::Task<void> quiet() override;

  ProviderManager& manager;
  wire::StartProvider command;
  std::string image_ref;  ///< without scheme, for events and inventory
  std::deque<Job> jobs;
  bool busy = false;
  bool stopping = false;
  bool recovered = false;                    ///< it was kept, and is not waited for by a command
  bool permitted = false;                    ///< it may start, and be restarted
  bool announced = false;                    ///< the lattice knows that it was started
  std::string operation;                     ///< of the command that started it, until that has ended
  std::unique_ptr<HostedProvider> provider;  ///< borrows its home, which this is
};

ProviderManager::ProviderManager(NodeWorld& world, const builtins::ProviderRegistry& registry, ProviderPolicy policy)
    : world_(world),
      registry_(registry),
      policy_(std::move(policy)),
      hosting_(std::make_shared<ProcessHosting>(std::make_shared<supervision::AsioRuntime>(world.control.shared_io()),
                                                wire::KeyPair::from_entropy(wire::KeyKind::curve, entropy<32>()),
                                                programs_folder(policy_.builtins.data_dir), *world.artifacts.store)),
      recovery_(world.control),
      tasks_(world.control) {
  hosting_->lattice = policy_.lattice;
  hosting_->access = policy_.access;
  hosting_->environment = policy_.environment;
  hosting_->config = policy_.processes;
}

ProviderManager::~ProviderManager() = default;

async::Task<void> ProviderManager::open() {
  const auto find_out = [hosting = hosting_, data_dir = policy_.builtins.data_dir]() -> Result<std::size_t> {
    WEFT_TRY(auto mark, open_mark(data_dir));
    hosting->mark = std::move(mark.text);
    if (hosting->limits().any()) {
      WEFT_TRY(auto cgroups, supervision::CgroupTree::open(hosting->config.cgroup, hosting->limits()));
      hosting->cgroups.emplace(std::move(cgroups));
      hosting->cgroups->remove_all(hosting->mark);
    }
    if (!mark.was_there) {
      return 0U;
    }
    WEFT_TRY(const auto left, kill_left_behind(*hosting, {}));
    hosting->executables.clear();
    return left;
  };
  WEFT_CO_TRY(const auto killed, co_await world_.pool.run(find_out));
  if (killed != 0 && world_.log) {
    world_.log(LogLevel::warning, "", fmt::format("{} processes of providers were left behind and are killed", killed));
  }
  co_return Result<void>();
}

// ---- what providers want ----

async::Task<void> ProviderManager::Entry::permit() {
  if (!manager.world_.policy || permitted) {
    co_return Result<void>();
  }
  wire::PolicyQuestion question{.kind = wire::PolicyKind::start_provider,
                                .id = command.provider_id,
                                .image_ref = image_ref,
                                .annotations = command.annotations.value_or(wire::StringMap()),
                                .claims = {}};
  if (const auto* const claims = provider->claims()) {
    question.claims = wire::policy_claims(*claims, std::chrono::system_clock::now());
  }
  WEFT_CO_CHECK(co_await manager.world_.policy->permit(std::move(question)));
  permitted = true;
  co_return Result<void>();
}

std::vector<wire::Link> ProviderManager::Entry::links() const {
  const auto& store = manager.world_.store;
  auto links = store.links_of(command.provider_id);
  // One from it to itself is among both.
  std::ranges::copy_if(store.links_to(command.provider_id), std::back_inserter(links),
                       [this](const wire::Link& link) { return link.source_id != command.provider_id; });
  return links;
}

async::Task<Provision> ProviderManager::Entry::provision() {
  // What is not there yet, again and again: while secrets are fetched, links come and go.
  FetchedSecrets fetched;
  for (auto missing = fetched.missing(command.config, links()); missing;
       missing = fetched.missing(command.config, links())) {
    auto secrets = co_await manager.fetch_secrets(*this, *missing);
    if (!secrets && secrets.error().code() == Errc::cancelled) co_return secrets.error();
    fetched.add(*std::move(missing), std::move(secrets));
  }
  Provision now;
  WEFT_CO_TRY(now.config, manager.world_.store.bundle(command.config));
  WEFT_CO_TRY(now.secrets, fetched.find(command.config));
  for (const auto& link : links()) {
    // One that cannot be resolved does not keep the provider from the others.
    if (auto resolved =
            manager.resolve(*this, link, fetched.find(link.source_config), fetched.find(link.target_config))) {
      now.links.push_back(*std::move(resolved));
    }
  }
  co_return now;
}

void ProviderManager::Entry::started() {
  if (!std::exchange(announced, true)) {
    manager.tell("provider_started", *this, nullptr);
  }
}

void ProviderManager::Entry::answered(Result<std::string> message) {
  manager.recovery_.attempted(command.provider_id);
  if (const auto ended = std::exchange(operation, {}); !ended.empty()) {
    message ? manager.world_.operations.done(ended, *message)
            : manager.world_.operations.failed(ended, message.error());
  }
}

void ProviderManager::Entry::failed(const Error& error) {
  if (recovered) {
    manager.tell("provider_start_failed", *this, &error);
  }
  manager.recovery_.attempted(command.provider_id);
}

// What is under way for it ends first; what waits is not begun any more.
async::Task<void> ProviderManager::Entry::quiet() {
  jobs.clear();
  while (busy) {
    WEFT_CO_CHECK(co_await async::sleep_for(kPoll));
  }
  co_return Result<void>();
}

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
  entry->operation = operation;
  entries_.emplace(id, entry);
  const auto ticket = co_await world_.placements.put(command);
  if (!ticket) {
    entries_.erase(id);
    co_return ticket.error();
  }
  enqueue(entry, [this, ticket = *ticket](std::shared_ptr<Entry> starting) {
    return begin_and_tell(std::move(starting), ticket);
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
  entry->answered(Error(Errc::cancelled, "it was stopped before it answered", {}, Blame::operator_));
  const auto closed = co_await entry->provider->close();
  entries_.erase(command.provider_id);
  tell("provider_stopped", *entry, nullptr);
  WEFT_CO_CHECK(closed);
  world_.operations.done(operation, "stopped");
  co_return std::string("successfully stopped provider");
}

void ProviderManager::recover(wire::StartProvider command) {
  recovery_.begin(command.provider_id);
  auto entry = make_entry(std::move(command));
  entry->recovered = true;
  entries_.emplace(entry->command.provider_id, entry);
  (void)world_.tree.add(world_.providers, child(entry, supervision::FirstStart::retried));
}

std::shared_ptr<ProviderManager::Entry> ProviderManager::make_entry(wire::StartProvider command) {
  auto entry = std::make_shared<Entry>(*this);
  auto ref = wire::parse_image_ref(command.provider_ref);
  entry->image_ref = ref ? ref->stripped : command.provider_ref;
  if (ref && ref->kind != wire::ImageKind::builtin) {
    entry->provider = std::make_unique<HostedProcess>(world_, hosting_, *entry, command.provider_id, *std::move(ref));
  } else {
    // What is no reference at all fails there by name.
    entry->provider = std::make_unique<HostedBuiltin>(world_, registry_, policy_.builtins, tasks_, *entry,
                                                      command.provider_id, command.provider_ref);
  }
  entry->command = std::move(command);
  return entry;
}

/// The provider's place in the supervision tree.
supervision::ChildSpec ProviderManager::child(const std::shared_ptr<Entry>& entry,
                                              supervision::FirstStart first_start) {
  supervision::ChildSpec spec;
  spec.name = entry->command.provider_id;
  spec.kind = entry->image_ref;
  spec.first_start = first_start;
  entry->provider->describe(spec);
  // The place keeps its provider.
  spec.make = [entry, make = std::move(spec.make)] { return make(); };
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

async::Task<void> ProviderManager::begin_and_tell(std::shared_ptr<Entry> entry, Placements::Ticket ticket) {
  const auto id = entry->command.provider_id;
  const auto begun = co_await told([this, &entry](supervision::Done done) {
    return world_.tree.add(world_.providers, child(entry, supervision::FirstStart::required), std::move(done));
  });
  if (begun) {
    co_return begun;  // how it goes on is told by answered()
  }
  if (world_.stop_grace) {
    entry->answered(begun.error());
    co_return begun;  // accepted and interrupted: the restarted host carries it out
  }
  // The id is free when the failure is told: whoever hears of it may try again at once.
  const auto closed = co_await entry->provider->close();
  const bool gives_way = !entry->stopping;
  if (gives_way) {
    entries_.erase(id);
  }
  tell("provider_start_failed", *entry, &begun.error());
  entry->answered(begun.error());
  if (gives_way) {
    WEFT_CO_CHECK(co_await world_.placements.withdraw_provider(id, ticket));
  }
  WEFT_CO_CHECK(closed);
  co_return begun;
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
  if (!entry->provider->runs() || entry->stopping) {
    co_return Result<void>();
  }
  auto source_secrets = co_await fetch_secrets(*entry, link.source_config);
  auto target_secrets = co_await fetch_secrets(*entry, link.target_config);
  WEFT_CO_TRY(auto resolved, resolve(*entry, link, std::move(source_secrets), std::move(target_secrets)));
  if (!entry->provider->runs() || entry->stopping) {
    co_return Result<void>();  // it has ended meanwhile
  }
  co_return co_await entry->provider->put_link(std::move(resolved));
}

async::Task<void> ProviderManager::take_back(std::shared_ptr<Entry> entry, wire::Link link) {
  if (!entry->provider->runs() || entry->stopping) {
    co_return Result<void>();
  }
  co_return co_await entry->provider->delete_link(wire::define_link(link, {}, {}));
}

async::Task<wire::SecretMap> ProviderManager::fetch_secrets(const Entry& entry, std::vector<std::string> names) {
  const auto* const claims = entry.provider->claims();
  return world_.secrets.fetch({.names = std::move(names),
                               .workload = "provider " + entry.command.provider_id,
                               .token = claims != nullptr ? claims->jwt : std::string(),
                               .application = lattice::application_of(entry.command.annotations)});
}

/// With what its names stand for.
Result<ResolvedLink> ProviderManager::resolve(const Entry& entry, const wire::Link& link,
                                              Result<wire::SecretMap> source_secrets,
                                              Result<wire::SecretMap> target_secrets) const {
  auto source = world_.store.bundle(link.source_config);
  auto target = world_.store.bundle(link.target_config);
  for (const auto* error :
       {source ? nullptr : &source.error(), target ? nullptr : &target.error(),
        source_secrets ? nullptr : &source_secrets.error(), target_secrets ? nullptr : &target_secrets.error()}) {
    if (error == nullptr) continue;
    log(LogLevel::error, entry, fmt::format("{} is skipped: {}", describe(link), error->to_string()));
    return *error;
  }
  return ResolvedLink{.link = wire::define_link(link, *std::move(source), *std::move(target)),
                      .source_secrets = *std::move(source_secrets),
                      .target_secrets = *std::move(target_secrets)};
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
  if (!entry->provider->runs() || entry->stopping) {
    co_return Result<void>();
  }
  co_return co_await entry->provider->update_config(world_.store.live_bundle(entry->command.config));
}

// ---- what is told ----

void ProviderManager::tell(std::string_view event, const Entry& entry, const Error* error) {
  wire::ProviderEvent data{.provider_id = entry.command.provider_id,
                           .host_id = world_.host_id,
                           .image_ref = error == nullptr ? entry.image_ref : entry.command.provider_ref,
                           .annotations = entry.command.annotations.value_or(wire::StringMap()),
                           .claims = error == nullptr ? entry.provider->claims() : nullptr,
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
    if (!entry->provider->runs()) {
      continue;
    }
    const auto* const claims = entry->provider->claims();
    list.push_back({.id = id,
                    .image_ref = entry->image_ref,
                    .name = claims != nullptr ? claims->name : entry->image_ref,
                    .annotations = entry->command.annotations.value_or(wire::StringMap()),
                    .revision = claims != nullptr ? claims->revision : 0});
  }
  return list;
}

std::vector<ProviderFigures> ProviderManager::figures() const {
  std::vector<ProviderFigures> list;
  for (const auto& [id, entry] : entries_) {
    const auto place = world_.tree.find("providers/" + id);
    const auto info = place ? world_.tree.info(*place) : std::nullopt;
    list.push_back({.id = id,
                    .image_ref = entry->image_ref,
                    .process = entry->provider->process(),
                    .restarts = info ? info->restarts : 0});
  }
  return list;
}

boost::asio::awaitable<void> ProviderManager::close() {
  // First what waits for providers, then what they do besides.
  co_await tasks_.close();
  for (const auto& [id, entry] : entries_) {
    (void)co_await entry->provider->close();
  }
}

}  // namespace weft::host
