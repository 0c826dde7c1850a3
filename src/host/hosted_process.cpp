// SPDX-License-Identifier: Apache-2.0
#include "host/hosted_process.hpp"

#include <fmt/format.h>

#include <utility>

#include "async/deadline.hpp"
#include "host/entropy.hpp"
#include "host/line_throttle.hpp"
#include "host/provider_line.hpp"
#include "wire/uuid.hpp"

namespace weft::host {
namespace {

using namespace std::chrono_literals;

/// Carries the host's mark and the provider's id, so that what it leaves behind is known for its own.
constexpr const char* kMarkVariable = "WEFT_PROVIDER";
/// Whoever waits for a provider is told after so long that it does not answer. It goes on.
constexpr std::chrono::milliseconds kAnswerPatience = 60s;

std::string cgroup_name(const ProcessHosting& hosting, const std::string& id) {
  return fmt::format("{}-{}", hosting.mark, id);
}

}  // namespace

Result<std::size_t> kill_left_behind(const ProcessHosting& hosting, const std::string& provider_id) {
  const bool all = provider_id.empty();
  return supervision::kill_strays(
      {.variable = kMarkVariable,
       .value = fmt::format("{}/{}", hosting.mark, provider_id),
       .match = all ? supervision::Mark::Match::beginning : supervision::Mark::Match::whole});
}

/// One incarnation. Shared by its node and by what goes on for it.
struct HostedProcess::Run {
  explicit Run(supervision::Life its) : life(std::move(its)), throttle(std::chrono::steady_clock::now()) {}

  supervision::Life life;
  std::unique_ptr<supervision::Node> process;  ///< null: it is being prepared
  supervision::Cgroup cgroup;
  LineThrottle throttle;
  bool stopping = false;
  bool started = false;
  bool answered = false;
  bool over = false;
};

class HostedProcess::Incarnation final : public supervision::Node {
 public:
  explicit Incarnation(HostedProcess& provider) : provider_(provider) {}
  ~Incarnation() override {
    if (!run_) return;
    // One that did not end although it was killed: there is nothing more to be done for it.
    if (!run_->over) provider_.on_gone(*run_);
    run_->stopping = true;
    run_->process.reset();  // which has functions that hold the run
  }
  Incarnation(const Incarnation&) = delete;
  Incarnation& operator=(const Incarnation&) = delete;

  void start(supervision::Life life) noexcept override {
    run_ = std::make_shared<Run>(std::move(life));
    provider_.tasks_.spawn("start " + provider_.id_, provider_.bring_up(run_));
  }
  void stop() noexcept override {
    run_->stopping = true;
    if (run_->process) run_->process->stop();
  }
  void kill() noexcept override {
    if (run_->process) run_->process->kill();
  }

 private:
  HostedProcess& provider_;
  std::shared_ptr<Run> run_;
};

HostedProcess::HostedProcess(NodeWorld& world, std::shared_ptr<ProcessHosting> hosting, ProviderHome& home,
                             std::string id, wire::ImageRef ref)
    : world_(world),
      hosting_(std::move(hosting)),
      home_(home),
      id_(std::move(id)),
      ref_(std::move(ref)),
      key_(wire::KeyPair::from_entropy(wire::KeyKind::curve, entropy<32>())),
      talk_(world.bus, world.events, hosting_->secrets_key, key_.public_key(),
            TalkConfig{.lattice = hosting_->lattice,
                       .host_id = world.host_id,
                       .provider_id = id_,
                       .health_delay = hosting_->config.health_delay,
                       .health_interval = hosting_->config.health_interval,
                       .timeout = hosting_->config.rpc_timeout},
            [this](const std::string& line) { log(LogLevel::warning, line); }),
      tasks_(world.control) {}

HostedProcess::~HostedProcess() = default;

void HostedProcess::describe(supervision::ChildSpec& spec) {
  // What was spawned counts as started, as in 1.9; whoever wants to know when it can be used waits for its answer.
  spec.gate = supervision::Gate::started;
  spec.start_budget = 0ms;  // some wait for what they need, and nobody kills them for that
  // It is asked, then told by SIGTERM; each may take as long.
  spec.stop_budget = 2 * hosting_->config.shutdown_delay;
  spec.make = [this] { return std::make_unique<Incarnation>(*this); };
}

// ---- one incarnation ----

async::Task<void> HostedProcess::bring_up(std::shared_ptr<Run> run) {
  auto spec = co_await prepare(run);
  if (run->stopping) {
    run->life.ended();
  } else if (!spec) {
    home_.failed(spec.error());
    run->life.ended(spec.error());
  } else {
    run->process = supervision::make_process_node(hosting_->runtime, *std::move(spec));
    run->process->start(run->life);
  }
  co_return Result<void>();  // the tree has been told
}

async::Task<supervision::ProcessSpec> HostedProcess::prepare(std::shared_ptr<Run> run) {
  if (!hosting_->access) {
    co_return Error(Errc::unavailable,
                    fmt::format("cannot run {}: a provider process needs a NATS server, and this host is a lattice of "
                                "its own",
                                ref_.text),
                    "start the host with --nats nats://HOST:4222, or with --lattice NAME for a server on this machine",
                    Blame::operator_);
  }
  const auto clear = [hosting = hosting_, id = id_] { return kill_left_behind(*hosting, id); };
  WEFT_CO_TRY(const auto killed, co_await world_.pool.run(clear));
  if (killed != 0) {
    log(LogLevel::warning, fmt::format("{} processes that an earlier one left behind were killed", killed));
  }
  WEFT_CO_CHECK(co_await fetch());
  WEFT_CO_CHECK(co_await home_.permit());
  WEFT_CO_CHECK(co_await world_.store.ensure_spec(id_, ref_.stripped));
  if (hosting_->cgroups) {
    const auto make = [hosting = hosting_, id = id_] {
      return hosting->cgroups->make(cgroup_name(*hosting, id), hosting->limits());
    };
    WEFT_CO_TRY(run->cgroup, co_await world_.pool.run(make));
  }
  // The last, so that it is what holds when the process begins.
  WEFT_CO_TRY(const auto provision, co_await home_.provision());
  co_return process_spec(run, provision);
}

/// Once for all incarnations: a restart must not depend on where the file came from.
async::Task<void> HostedProcess::fetch() {
  if (!executable_) {
    const auto provide = [hosting = hosting_, ref = ref_, id = id_] { return hosting->executables.provide(ref, id); };
    WEFT_CO_TRY(executable_, co_await world_.artifacts.pool.run(provide));
    if (executable_->claims) {
      WEFT_CO_CHECK(co_await world_.store.put_claims(*executable_->claims));
    }
  }
  co_return Result<void>();
}

supervision::ProcessSpec HostedProcess::process_spec(const std::shared_ptr<Run>& run, const Provision& provision) {
  figures_.instance_id = wire::uuid_text(wire::random_uuid(entropy<16>()));
  wire::HostData data;
  data.host_id = world_.host_id;
  data.lattice_rpc_prefix = hosting_->lattice;
  data.lattice_rpc_user_jwt = hosting_->access->user_jwt;
  data.lattice_rpc_user_seed = hosting_->access->user_seed;
  data.lattice_rpc_url = hosting_->access->url;
  data.provider_key = id_;
  data.instance_id = figures_.instance_id;
  data.link_definitions = talk_.born(provision);
  data.config = provision.config;
  data.secrets = provision.secrets;
  data.host_xkey_public_key = hosting_->secrets_key.public_text();
  data.provider_xkey_private_key = key_.seed();
  data.default_rpc_timeout_ms = static_cast<std::uint64_t>(hosting_->config.rpc_timeout.count());
  data.structured_logging = hosting_->config.structured_logging;
  data.log_level = hosting_->config.log_level;

  supervision::ProcessSpec spec;
  spec.command.program = executable_->path;
  spec.command.environment = hosting_->environment;
  spec.command.environment.insert_or_assign(kMarkVariable, fmt::format("{}/{}", hosting_->mark, id_));
  spec.command.cgroup = run->cgroup.folder();
  spec.input = wire::host_data_line(data);
  spec.on_line = [this, run](supervision::OutputStream /*stream*/, std::string_view line) { on_line(*run, line); };
  spec.on_started = [this, run](const supervision::Life& /*life*/, pid_t pid) { on_started(run, pid); };
  spec.ask_to_stop = [this] { return ask_to_stop(); };
  spec.asking_budget = hosting_->config.shutdown_delay;
  spec.on_ended = [this, run](const supervision::Life& /*life*/, std::optional<Error> error) {
    on_ended(run, std::move(error));
  };
  return spec;
}

void HostedProcess::on_started(const std::shared_ptr<Run>& run, pid_t pid) {
  run->started = true;
  figures_.pid = pid;
  runs_ = true;
  run->life.started();
  log(LogLevel::info, fmt::format("runs as process {}, instance {}", pid, figures_.instance_id));
  home_.started();
  tasks_.spawn("wait for " + id_, await_answer(run));
  tasks_.spawn("patience with " + id_, give_up_waiting(run));
  // One for all incarnations: what changed is a change of the provider, not of its process.
  if (!std::exchange(follows_health_, true)) tasks_.spawn("health of " + id_, talk_.follow_health());
}

async::Task<void> HostedProcess::await_answer(std::shared_ptr<Run> run) {
  WEFT_CO_TRY(const auto reply, co_await talk_.first_answer([run] { return run->over || run->stopping; }));
  run->answered = true;
  run->life.ready();
  talk_.tell_again();
  home_.answered(reply.healthy
                     ? std::string("runs")
                     : fmt::format("runs, but is not healthy: {}", reply.message.value_or("it says no more")));
  co_return Result<void>();
}

async::Task<void> HostedProcess::give_up_waiting(std::shared_ptr<Run> run) {
  WEFT_CO_CHECK(co_await async::sleep_for(kAnswerPatience));
  if (!run->answered && !run->over) {
    home_.answered(Error(Errc::deadline_exceeded,
                         fmt::format("{} runs, but did not answer for {} s", id_, kAnswerPatience / 1s),
                         fmt::format("it goes on; see what it says with: weft logs {}", id_), Blame::environment));
  }
  co_return Result<void>();
}

void HostedProcess::on_line(Run& run, std::string_view line) {
  const auto now = std::chrono::steady_clock::now();
  if (run.throttle.admit(now)) {
    const auto read = read_provider_line(line);
    log(read.level, read.text);
  }
  if (const auto dropped = run.throttle.report(now)) {
    log(LogLevel::warning, fmt::format("{} lines of its output were dropped: it writes too many", *dropped));
  }
}

bool HostedProcess::ask_to_stop() {
  tasks_.spawn("ask " + id_ + " to stop", talk_.ask_to_stop(hosting_->config.shutdown_delay));
  return true;
}

void HostedProcess::on_ended(const std::shared_ptr<Run>& run, std::optional<Error> error) {
  on_gone(*run);
  tasks_.spawn("clear up after " + id_, finish(run, std::move(error)));
}

void HostedProcess::on_gone(Run& run) {
  run.over = true;
  figures_.pid = 0;
  talk_.gone();
  if (const auto dropped = run.throttle.last_report()) {
    log(LogLevel::warning, fmt::format("{} lines of its output were dropped: it wrote too many", *dropped));
  }
}

async::Task<void> HostedProcess::finish(std::shared_ptr<Run> run, std::optional<Error> error) {
  auto clear = [hosting = hosting_, id = id_, cgroup = std::move(run->cgroup)]() mutable -> Result<void> {
    cgroup.remove();
    WEFT_CHECK(kill_left_behind(*hosting, id));
    return {};
  };
  if (const auto cleared = co_await world_.pool.run(std::move(clear)); !cleared) {
    log(LogLevel::error, cleared.error().to_string());
  }
  if (run->stopping) {
    run->life.ended();
    co_return Result<void>();
  }
  auto reason = std::move(error).value_or(Error(Errc::unavailable, executable_->path + " exited with status 0"));
  if (!run->started) {
    // As if it had never been there: perhaps another file is, the next time.
    executable_.reset();
    home_.failed(reason);
    run->life.ended(std::move(reason));
    co_return Result<void>();
  }
  log(LogLevel::warning, fmt::format("{}; it is started again", reason.message()));
  if (!run->answered) {
    home_.answered(Error(reason.code(), fmt::format("{} before it answered", reason.message()),
                         fmt::format("it is tried again, ever more slowly; stop it with: weft stop provider {}", id_),
                         Blame::environment)
                       .with_detail(reason.detail()));
  }
  run->life.ended(std::move(reason));
  co_return Result<void>();
}

async::Task<void> HostedProcess::close() {
  co_await tasks_.close();
  runs_ = false;
  const auto remove = [hosting = hosting_, id = id_]() -> Result<void> {
    hosting->executables.remove(id);
    return {};
  };
  co_return co_await world_.draining.run(remove);
}

// ---- links, configurations, figures ----

async::Task<void> HostedProcess::put_link(ResolvedLink link) {
  talk_.put_link(std::move(link));
  co_return Result<void>();
}

async::Task<void> HostedProcess::delete_link(wire::LinkDefinition link) {
  talk_.delete_link(link);
  co_return Result<void>();
}

async::Task<void> HostedProcess::update_config(wire::StringMap config) {
  talk_.update_config(std::move(config));
  co_return Result<void>();
}

const wire::ProviderClaims* HostedProcess::claims() const {
  return executable_ && executable_->claims ? &*executable_->claims : nullptr;
}

std::optional<ProviderProcess> HostedProcess::process() const {
  auto figures = figures_;
  figures.health = figures.pid == 0 ? ProviderProcess::Health::unknown : talk_.health();
  figures.message = talk_.health_message();
  return figures;
}

void HostedProcess::log(LogLevel level, std::string_view line) const {
  if (world_.log) world_.log(level, id_, line);
}

}  // namespace weft::host
