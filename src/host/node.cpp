// SPDX-License-Identifier: Apache-2.0
#include "host/node.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <utility>

#include "async/deadline.hpp"
#include "async/shard_call.hpp"
#include "bus/memory_bus.hpp"
#include "bus/memory_key_value.hpp"
#include "bus/socket_server.hpp"
#include "host/entropy.hpp"
#include "host/lattice_buses.hpp"
#include "host/provider_policy.hpp"
#include "host/task_node.hpp"
#include "supervision/asio_runtime.hpp"
#include "wire/control_subject.hpp"
#include "wire/time_text.hpp"
#include "wire/uuid.hpp"

namespace weft::host {
namespace {

using namespace std::chrono_literals;

/// How long the state of a lattice may take to come when a host starts.
constexpr auto kReplayTimeout = 10s;
constexpr auto kFlushTimeout = 2s;
/// What was kept may take so long to serve before the host says that it is ready.
constexpr auto kRecoveryTimeout = 10s;
/// How long a host that leaves waits for a server that is away, to say so; and how long for one of its own to come.
constexpr auto kFarewell = 3s;
constexpr auto kOwnServer = 5s;
constexpr auto kLook = 10ms;
/// Keys are the lattices that this data folder has been in.
constexpr const char* kLattices = "lattices";
constexpr std::size_t kControlShard = 1'000;  ///< its name only: "shard-1000"

std::string now_text() { return wire::time_text(std::chrono::system_clock::now()); }

std::string new_id() {
  return wire::uuid_text(wire::time_ordered_uuid(std::chrono::system_clock::now(), entropy<10>()));
}

/// What cannot fail, for the tree.
async::Task<void> as_task(boost::asio::awaitable<void> work) {
  co_await std::move(work);
  co_return Result<void>();
}

async::Task<void> as_task(Result<void> done) { co_return done; }

ComponentPolicy component_policy(const LatticeConfig& config) {
  ComponentPolicy policy;
  policy.allow_file_load = config.allow_file_load;
  policy.limits.max_memory_bytes = config.max_memory_bytes;
  policy.limits.timeout = config.max_execution_time;
  return policy;
}

}  // namespace

Result<std::unique_ptr<Node>> Node::start(NodeBase base, LatticeConfig config) {
  WEFT_CHECK(wire::check_lattice_name(config.lattice));
  std::optional<DataFolder> folder;
  if (!config.data_dir.empty()) {
    WEFT_TRY(auto opened, DataFolder::open(config.data_dir));
    folder.emplace(std::move(opened));
  }
  WEFT_TRY(auto identity, Identity::create(config.host_seed, config.data_dir, config.labels));
  WEFT_TRY(auto artifacts, open_artifacts(config));
  std::unique_ptr<Node> node(
      new Node(base, std::move(config), std::move(identity), std::move(folder), std::move(artifacts)));
  WEFT_CHECK(node->open());
  return node;
}

Node::Node(NodeBase base, LatticeConfig config, Identity identity, std::optional<DataFolder> folder,
           std::unique_ptr<registry::ArtifactStore> artifacts)
    : base_(base),
      log_([this](LogLevel level, std::string_view component, std::string_view line) {
        log_ring_.add(level, component, line);
        if (base_.log) {
          base_.log(level, component, line);
        }
      }),
      config_(std::move(config)),
      identity_(std::move(identity)),
      folder_(std::move(folder)),
      artifacts_{.store = std::move(artifacts)},
      pool_("work", base.shards.size()),
      control_(kControlShard),
      dispatcher_(base.shards),
      tap_(control_, base.shards, [this](const std::vector<SeenCall>& calls) { spies_->take(calls); }),
      router_(control_, dispatcher_, tap_, log_),
      draining_("drain", 2),
      operations_(control_, new_id, now_text),
      tasks_(control_,
             [this](std::string_view name, const Error& error) {
               log_(LogLevel::error, "", fmt::format("{}: {}", name, error.to_string()));
             }),
      pages_(control_, base.shards, pool_) {}

Node::~Node() { stop(0ms); }

Result<void> Node::open() {
  control_.start();
  WEFT_TRY(may_wait_, async::run_on_shard_and_wait(control_, has_been_here()));
  WEFT_CHECK(open_bus());
  return async::run_on_shard_and_wait(control_, boot());
}

Result<void> Node::open_bus() {
  if (config_.nats_server && !config_.nats) {
    WEFT_TRY(auto plan, plan_nats_server(config_.data_dir, config_.nats_server->program));
    config_.nats.emplace();
    config_.nats->urls = {plan.url()};
    if (!plan.answers) {
      own_server_ = std::move(plan);
    }
  }
  if (config_.nats) {
    may_wait_ = may_wait_ || config_.nats->wait_for_server || own_server_.has_value();
    const auto unless_own = may_wait_ ? ServerWait::if_away : ServerWait::none;
    const auto wait = own_server_ ? ServerWait::starts_later : unless_own;
    WEFT_TRY(auto buses, connect_lattice(config_, wait, log_));
    bus_ = std::move(buses.commands);
    rpc_bus_ = std::move(buses.calls);
    endpoint_.emplace(*rpc_bus_, base_.shards,
                      wrpc::EndpointConfig{.lattice = config_.lattice, .member = identity_.id(), .log = log_});
    router_.join(*endpoint_, config_.local_fast_path ? Router::FastPath::on : Router::FastPath::off);
  } else if (folder_) {
    bus_ = std::make_unique<bus::MemoryBus>(folder_->state().factory());
  } else {
    bus_ = std::make_unique<bus::MemoryBus>();
  }
  return {};
}

async::Task<void> Node::boot() {
  WEFT_CO_TRY(auto policy, provider_policy(config_));
  WEFT_CO_CHECK(co_await open_state());
  const auto& id = identity_.id();
  events_.emplace(*bus_, config_.lattice, id, lattice::EventStamp{.id = new_id, .time = now_text});
  WEFT_CO_TRY(policy_, make_policy(service_access(), new_id));
  WEFT_CO_TRY(secrets_, make_secrets(service_access(), *store_, new_id()));
  tree_ = std::make_unique<supervision::Tree>(
      std::make_shared<supervision::AsioRuntime>(control_.shared_io()),
      supervision::TreeOptions{.root = tree_spec(), .on_change = {}, .on_end = [this](const supervision::Exit& exit) {
                                 log_(LogLevel::error, "", "the host gives up: " + exit.to_string());
                                 interrupt();
                               }});
  world_.emplace(NodeWorld{.control = control_,
                           .shards = base_.shards,
                           .pool = pool_,
                           .draining = draining_,
                           .artifacts = artifacts_,
                           .loader = base_.loader,
                           .router = router_,
                           .bus = rpc_bus_ ? *rpc_bus_ : *bus_,
                           .store = *store_,
                           .events = *events_,
                           .operations = operations_,
                           .placements = *placements_,
                           .policy = policy_,
                           .secrets = *secrets_,
                           .tree = *tree_,
                           .components = tree_->find("components").value_or(0),
                           .providers = tree_->find("providers").value_or(0),
                           .stop_grace = stop_grace_,
                           .host_id = id,
                           .log = log_});
  components_.emplace(*world_, component_policy(config_));
  providers_.emplace(*world_, base_.builtins, std::move(policy));
  WEFT_CO_CHECK(co_await providers_->open());
  spies_.emplace(SpySessions::World{
      .control = control_,
      .pool = pool_,
      .tap = tap_,
      .code_of = [this](const std::string& id) -> std::shared_ptr<const guest::LoadedComponent> {
        const auto target = components_->find(id);
        return target ? std::shared_ptr<const guest::LoadedComponent>(target, &target->component()) : nullptr;
      },
      .new_id = new_id});
  questions_.emplace(view());
  add_pages(pages_, view());
  server_.emplace(*bus_, control_,
                  lattice::ControlServerConfig{.root = {config_.control_prefix, config_.lattice},
                                               .host_id = id,
                                               .provider_bus = rpc_bus_.get(),
                                               .component_auctions = config_.component_auctions,
                                               .provider_auctions = config_.provider_auctions},
                  *store_, *events_, operations_, static_cast<lattice::HostCommands&>(*this));
  heartbeat_.emplace(control_, config_.heartbeat_interval,
                     [this] { events_->publish("host_heartbeat", wire::encode(inventory())); });
  WEFT_CO_CHECK(co_await told([this](supervision::Done done) -> Result<void> {
    tree_->start(std::move(done));
    return {};
  }));
  co_await providers_->recovered(kRecoveryTimeout);
  co_await components_->recovered(kRecoveryTimeout);
  bus_state_ = bus_->on_state(control_, [this](bus::BusState state) { on_bus(state); });
  co_return Result<void>();
}

/// Told of the state there is, and of every change.
void Node::on_bus(bus::BusState state) {
  if (state != bus::BusState::connected) {
    return;
  }
  if (std::exchange(announced_, true)) {
    // Who has missed heartbeats meanwhile shall not wait for the next.
    events_->publish("host_heartbeat", wire::encode(inventory()));
    return;
  }
  events_->publish("host_started",
                   wire::host_started_data(identity_.friendly_name(), identity_.labels(), weft_version()));
  tasks_.spawn("remember the lattice", remember_lattice());
}

async::Task<void> Node::remember_lattice() {
  if (!config_.nats || !folder_) {
    co_return Result<void>();
  }
  WEFT_CO_TRY(const auto lattices, co_await folder_->state().open_bucket(kLattices));
  WEFT_CO_CHECK(co_await lattices->put(config_.lattice, "joined"));
  co_return Result<void>();
}

/// Whether this data folder knows the lattice.
async::Task<bool> Node::has_been_here() {
  if (!folder_) {
    co_return false;
  }
  WEFT_CO_TRY(const auto lattices, co_await folder_->state().open_bucket(kLattices));
  WEFT_CO_TRY(const auto joined, co_await lattices->get(config_.lattice));
  co_return joined.has_value();
}

/// Until the bus is connected, or `until`.
async::Task<void> Node::await_server(std::chrono::steady_clock::time_point until) {
  while (bus_->state() == bus::BusState::disconnected && std::chrono::steady_clock::now() < until) {
    WEFT_CO_CHECK(co_await async::sleep_for(kLook));
  }
  co_return Result<void>();
}

async::Task<void> Node::open_state() {
  std::shared_ptr<bus::KeyValue> kept = std::make_shared<bus::MemoryKeyValue>("placements");
  if (folder_) {
    WEFT_CO_TRY(kept, co_await folder_->state().open_bucket("placements"));
  }
  placements_.emplace(std::move(kept));
  WEFT_CO_TRY(auto lattice_data, co_await open_shared("LATTICEDATA_" + config_.lattice));
  WEFT_CO_TRY(auto config_data, co_await open_shared("CONFIGDATA_" + config_.lattice));
  store_.emplace(control_, std::move(lattice_data), std::move(config_data));
  co_return Result<void>();
}

/// A bucket of the lattice, with a copy on this machine where the lattice is on others too.
async::Task<std::shared_ptr<bus::KeyValue>> Node::open_shared(std::string name) {
  if (!config_.nats) {
    co_return co_await bus_->open_bucket(std::move(name));
  }
  std::shared_ptr<bus::KeyValue> kept = std::make_shared<bus::MemoryKeyValue>("mirror_" + name);
  if (folder_) {
    WEFT_CO_TRY(kept, co_await folder_->state().open_bucket("mirror_" + name));
  }
  bus::MirrorSource source{.is_there = [this] { return bus_->state() == bus::BusState::connected; },
                           .open = [this, name] { return bus_->open_bucket(name); }};
  bus::MirrorOptions options;
  options.first_connect = may_wait_ ? bus::FirstConnect::wait_for_server : bus::FirstConnect::must_succeed;
  options.log = [this](LogLevel level, std::string_view line) { log_(level, "", line); };
  WEFT_CO_TRY(auto mirror,
              co_await bus::MirroredKeyValue::open(control_, std::move(source), std::move(kept), std::move(options)));
  mirrors_.push_back(mirror);
  co_return mirror;
}

/// What runs, in the order of its start.
supervision::SupervisorSpec Node::tree_spec() {
  const auto nothing = []() -> async::Task<void> { co_return Result<void>(); };
  const auto part = [this](const std::string& name, std::string kind, TaskNode::Work start, TaskNode::Work stop) {
    supervision::ChildSpec spec;
    spec.name = name;
    spec.kind = std::move(kind);
    spec.make = [this, name, start = std::move(start), stop = std::move(stop)] {
      return std::make_unique<TaskNode>(tasks_, name, start, stop);
    };
    return spec;
  };
  // Neighbours that have nothing to do with each other: one that keeps failing is given up alone.
  const auto group = [](std::string name) {
    supervision::SupervisorSpec spec;
    spec.name = std::move(name);
    spec.when_exceeded = supervision::WhenExceeded::give_up;
    spec.intensity = {.restarts = SIZE_MAX, .within = std::chrono::minutes(1)};
    spec.backoff = {.initial = 1s, .factor = 2, .maximum = 30s};
    return spec;
  };
  auto shards = group("shards");
  for (std::size_t index = 0; index < base_.shards.size(); ++index) {
    shards.children.emplace_back(part(fmt::format("shard-{}", index), "thread", nothing, nothing));
  }
  supervision::SupervisorSpec root;
  root.name = "host";
  root.strategy = supervision::Strategy::rest_for_one;
  root.children.emplace_back(std::move(shards));
  if (!config_.metrics_listen.empty() || !config_.admin_listen.empty()) {
    root.children.emplace_back(
        part("pages", "http", [this] { return pages_.open(); }, [this] { return pages_.close(); }));
  }
  if (own_server_) {
    auto nats = group("nats");
    nats.children.emplace_back(
        nats_server_child(std::make_shared<supervision::AsioRuntime>(control_.shared_io()), *own_server_, log_));
    root.children.emplace_back(std::move(nats));
  }
  auto membership = part(
      "membership", bus_->info().url,
      [this] { return await_server(std::chrono::steady_clock::now() + (own_server_ ? kOwnServer : 0s)); },
      [this] { return say_goodbye(); });
  membership.stop_budget = 2 * (kFarewell + kFlushTimeout);
  root.children.emplace_back(std::move(membership));
  if (endpoint_) {
    root.children.emplace_back(part(
        "data-plane", rpc_bus_->info().url, [this] { return open_data_plane(); },
        [this] { return close_data_plane(); }));
  }
  root.children.emplace_back(part("subscriptions", bus_->info().url, [this] { return server_->subscribe(); }, nothing));
  root.children.emplace_back(part(
      "lattice-state", "key-value", [this] { return store_->start(*this, kReplayTimeout); },
      [this] { return as_task(store_->close()); }));
  if (!config_.policy.topic.empty()) {
    // What is called until its end asks until then.
    root.children.emplace_back(part(
        "policy", config_.policy.topic, [this] { return as_task(policy_->open()); },
        [this] { return as_task(policy_->close()); }));
  }
  root.children.emplace_back(group("components"));
  root.children.emplace_back(group("providers"));
  root.children.emplace_back(
      part("commands", "control-server", [this] { return recover(); }, [this] { return as_task(server_->close()); }));
  if (!config_.control_socket.empty()) {
    root.children.emplace_back(
        part("socket", "unix-socket", [this] { return open_socket(); }, [this] { return close_socket(); }));
  }
  root.children.emplace_back(part(
      "heartbeat", "timer",
      [this, nothing] {
        heartbeat_->start();
        return nothing();
      },
      [this] { return as_task(heartbeat_->close()); }));
  return root;
}

async::Task<void> Node::open_socket() {
  WEFT_CO_TRY(socket_, bus::SocketServer::listen(
                           control_, *bus_,
                           {.path = config_.control_socket,
                            .own_prefix = std::string(lattice::kLocalQuestions),
                            .own = [this](bus::Message request) { return answer_locally(std::move(request)); }}));
  co_return Result<void>();
}

async::Task<bus::Message> Node::answer_locally(bus::Message request) {
  auto question = request.subject.substr(lattice::kLocalQuestions.size());
  auto answered = co_await questions_->ask_locally(std::move(question), std::move(request.payload));
  co_return bus::Message{.subject = std::move(request.subject),
                         .reply = {},
                         .headers = {},
                         .payload = wire::encode(lattice::question_reply(std::move(answered)))};
}

async::Task<void> Node::close_socket() {
  const auto closed = co_await socket_->close();
  socket_.reset();
  co_return closed;
}

async::Task<void> Node::recover() {
  WEFT_CO_CHECK(co_await take_logins(service_access(), artifacts_.store.get()));
  WEFT_CO_TRY(auto content, co_await placements_->load());
  for (const auto& key : content.unreadable) {
    log_(LogLevel::error, "", fmt::format("what is kept as {} cannot be read; it stays as it is", key));
  }
  for (auto& command : content.providers) {
    providers_->recover(std::move(command));
  }
  for (auto& command : content.components) {
    components_->recover(std::move(command));
  }
  server_->serve();
  co_return Result<void>();
}

// ---- the end ----

void Node::want_stop(Stopped stopped) {
  {
    const std::lock_guard lock(stop_mutex_);
    if (!stop_wish_) {
      stop_wish_ = stopped;
    }
  }
  stop_wanted_.notify_all();
}

Stopped Node::wait() {
  std::unique_lock lock(stop_mutex_);
  stop_wanted_.wait(lock, [this] { return stop_wish_.has_value(); });
  return *stop_wish_;
}

void Node::interrupt() { want_stop({.reason = StopReason::request, .budget = std::nullopt}); }

void Node::stop(std::chrono::milliseconds grace) {
  want_stop({.reason = StopReason::request, .budget = std::nullopt});
  if (std::exchange(closed_, true)) {
    return;
  }
  if (bus_) {
    (void)async::run_on_shard_and_wait(control_, shut_down(grace));
  }
  control_.stop();
}

async::Task<void> Node::shut_down(std::chrono::milliseconds grace) {
  stop_grace_ = grace;
  stop_deadline_ = std::chrono::steady_clock::now() + grace;
  artifacts_.store->stop();  // whoever waits for a registry waits in vain
  bus_state_.reset();
  if (tree_) {
    WEFT_CO_CHECK(co_await told([this](supervision::Done done) -> Result<void> {
      tree_->stop(std::move(done));
      return {};
    }));
  }
  if (components_) {
    co_await components_->close();
    co_await providers_->close();
  }
  if (spies_) {
    co_await spies_->close();
  }
  WEFT_CO_CHECK(co_await tap_.close());
  co_await tasks_.close();
  co_await router_.close();
  if (endpoint_) {
    WEFT_CO_CHECK(co_await close_data_plane());
  }
  for (const auto& mirror : mirrors_) {
    co_await mirror->close();
  }
  if (bus_->state() == bus::BusState::closed) {
    co_return Result<void>();
  }
  co_return co_await bus_->drain(kFlushTimeout);
}

async::Task<void> Node::open_data_plane() { return endpoint_->open(); }

/// What still runs is told that its host stops. Again changes nothing.
async::Task<void> Node::close_data_plane() {
  WEFT_CO_CHECK(co_await endpoint_->close());
  if (rpc_bus_->state() != bus::BusState::closed) {
    (void)co_await rpc_bus_->drain(kFlushTimeout);
  }
  co_return Result<void>();
}

/// The last that this host says, when all that it ran has ended and a server of its own has not.
async::Task<void> Node::say_goodbye() {
  if (!stop_grace_ || !announced_) {
    co_return Result<void>();
  }
  const auto until = std::min(stop_deadline_, std::chrono::steady_clock::now() + kFarewell);
  bool is_known = false;
  do {
    WEFT_CO_CHECK(co_await await_server(until));
    if (bus_->state() != bus::BusState::connected) {
      break;
    }
    events_->publish("host_stopped", wire::host_stopped_data(identity_.labels()));
    // A connection that was lost meanwhile may have taken it along.
    is_known = co_await bus_->flush(kFlushTimeout) && bus_->state() == bus::BusState::connected;
  } while (!is_known && std::chrono::steady_clock::now() < until);
  if (!is_known) {
    log_(LogLevel::warning, "", "the lattice does not know that this host stops: no NATS server answers");
  }
  (void)co_await bus_->drain(kFlushTimeout);
  co_return Result<void>();
}

// ---- commands ----

wire::HostPing Node::ping() {
  const auto info = bus_->info();
  return {.id = identity_.id(),
          .friendly_name = identity_.friendly_name(),
          .labels = identity_.labels(),
          .lattice = config_.lattice,
          .uptime_seconds = identity_.uptime_seconds(),
          .uptime_human = identity_.uptime_text(),
          .version = std::string(weft_version()),
          .ctl_host = info.url,
          .rpc_host = rpc_bus_ ? rpc_bus_->info().url : info.url,
          .js_domain = info.jetstream_domain.empty() ? std::nullopt : std::optional(info.jetstream_domain)};
}

wire::HostInventory Node::inventory() {
  return {.host_id = identity_.id(),
          .friendly_name = identity_.friendly_name(),
          .labels = identity_.labels(),
          .version = std::string(weft_version()),
          .uptime_human = identity_.uptime_text(),
          .uptime_seconds = identity_.uptime_seconds(),
          .components = components_->inventory(),
          .providers = providers_->inventory()};
}

bool Node::runs_component(const std::string& id) const { return components_->runs(id); }
bool Node::runs_provider(const std::string& id) const { return providers_->runs(id); }

async::Task<std::string> Node::scale(wire::ScaleComponent command, std::string id) {
  return components_->scale(std::move(command), std::move(id));
}

async::Task<std::string> Node::update(wire::UpdateComponent command, std::string id) {
  return components_->update(std::move(command), std::move(id));
}

async::Task<std::string> Node::start_provider(wire::StartProvider command, std::string id) {
  return providers_->start(std::move(command), std::move(id));
}

async::Task<std::string> Node::stop_provider(wire::StopProvider command, std::string id) {
  return providers_->stop(std::move(command), std::move(id));
}

void Node::put_label(const wire::Label& label) { identity_.put_label(label.key, label.value); }
bool Node::delete_label(const std::string& key) { return identity_.delete_label(key); }
boost::asio::awaitable<void> Node::settle() {
  co_await router_.settle();
  co_await providers_->settle();
}

void Node::stop_host(std::optional<std::uint64_t> timeout_ms) {
  Stopped stopped{.reason = StopReason::command, .budget = std::nullopt};
  if (timeout_ms) {
    stopped.budget = std::chrono::milliseconds(*timeout_ms);
  }
  want_stop(stopped);
}

void Node::put_registries(wire::RegistryCredentials credentials) { artifacts_.store->put_credentials(credentials); }

async::Task<std::string> Node::ask(std::string question, std::string body) {
  return questions_->ask(std::move(question), std::move(body));
}

NodeView Node::view() {
  return {.config = config_,
          .identity = identity_,
          .engine = base_.engine,
          .control = control_,
          .shards = base_.shards,
          .pool = pool_,
          .bus = *bus_,
          .operations = operations_,
          .store = *store_,
          .tree = *tree_,
          .components = *components_,
          .providers = *providers_,
          .router = router_,
          .logs = log_ring_,
          .pages = pages_,
          .spies = *spies_};
}

// ---- what the lattice tells ----

void Node::on_links(const std::string& source_id, const std::vector<wire::Link>& before,
                    const std::vector<wire::Link>& now) {
  router_.set_links(source_id, now);
  providers_->on_links(before, now);
}

void Node::on_config(const std::string& name) {
  components_->on_config(name);
  providers_->on_config(name);
}

}  // namespace weft::host
