// SPDX-License-Identifier: Apache-2.0
#include "sdk/provider_process.hpp"

#include <weft/provider.hpp>

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <boost/asio/signal_set.hpp>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <tuple>
#include <utility>

#include "async/blocking_pool.hpp"
#include "async/shard_call.hpp"
#include "async/task_scope.hpp"
#include "builtins/builtin_provider.hpp"
#include "builtins/provider_link.hpp"
#include "bus/nats_bus.hpp"
#include "dispatch/dispatcher.hpp"
#include "dispatch/routing.hpp"
#include "wire/json.hpp"
#include "wrpc/endpoint.hpp"
#include "wrpc/ingress.hpp"
#include "wrpc/remote_target.hpp"

namespace weft::sdk {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kControlShard = 1'000;
constexpr std::size_t kMaxLine = std::size_t{64} << 20;
/// A host of 1.9 kills a provider 300 ms after it has asked it to end.
constexpr std::chrono::milliseconds kStopGrace{200};
constexpr std::chrono::milliseconds kFlushTimeout{1'000};
constexpr std::string_view kDefaultUrl = "nats://127.0.0.1:4222";

using LinkKey = std::tuple<std::string, std::string, std::string, std::string, std::string>;
LinkKey key_of(const wire::LinkDefinition& link) {
  return {link.source_id, link.target, link.name, link.wit_namespace, link.wit_package};
}

bus::NatsOptions nats_options(const wire::HostData& data, const LogSink& log) {
  bus::NatsOptions options;
  options.urls = {data.lattice_rpc_url.empty() ? std::string(kDefaultUrl) : data.lattice_rpc_url};
  options.name = data.provider_key;
  if (!data.lattice_rpc_user_jwt.empty()) {
    options.credentials = bus::UserJwt{.jwt = data.lattice_rpc_user_jwt, .seed = data.lattice_rpc_user_seed};
  }
  options.log = [log](LogLevel level, std::string_view line) { log(level, {}, line); };
  return options;
}

/// Of the levels that a host names; one that is not known is as `info`.
LogLevel least_level(std::string_view name) {
  if (name == "error" || name == "critical") {
    return LogLevel::error;
  }
  if (name == "warn") {
    return LogLevel::warning;
  }
  return name == "debug" || name == "trace" ? LogLevel::debug : LogLevel::info;
}

class ProviderProcess {
 public:
  ProviderProcess(const wire::HostData& data, LogSink log, std::unique_ptr<bus::NatsBus> bus)
      : data_(data),
        log_(std::move(log)),
        bus_(std::move(bus)),
        endpoint_(*bus_, shards_,
                  wrpc::EndpointConfig{.lattice = data_.lattice_rpc_prefix, .member = data_.instance_id, .log = log_}),
        dispatcher_(shards_),
        routes_(shards_.size(),
                [this](const std::string& id) { return std::make_shared<wrpc::RemoteTarget>(endpoint_, id); }),
        ingress_(endpoint_),
        tasks_(control_),
        signals_(control_.io(), SIGTERM, SIGINT) {
    control_.start();
  }
  ~ProviderProcess() { control_.stop(); }
  ProviderProcess(const ProviderProcess&) = delete;
  ProviderProcess& operator=(const ProviderProcess&) = delete;

  Result<void> run(const builtins::ProviderFactory& factory) {
    auto begun = async::run_on_shard_and_wait(control_, begin(factory));
    if (begun) {
      over_.get_future().wait();
    }
    const auto ended = async::run_on_shard_and_wait(control_, end());
    return begun ? ended : begun;
  }

 private:
  using Job = std::function<async::Task<void>()>;

  async::Task<void> begin(builtins::ProviderFactory factory) {
    WEFT_CO_CHECK(co_await endpoint_.open());
    WEFT_CO_CHECK(listen());
    builtins::ProviderContext context{.id = data_.provider_key,
                                      .config = data_.config,
                                      .shards = &shards_,
                                      .dispatcher = &dispatcher_,
                                      .log = log_,
                                      .secrets = builtins::provider_secrets(data_.secrets),
                                      .post_blocking = [this](auto work) { return pool_.post(std::move(work)); }};
    WEFT_CO_TRY(provider_, co_await pool_.run([&factory, &context] { return factory(std::move(context)); }));
    for (const auto& link : data_.link_definitions) {
      (void)co_await put_link(link);  // what is refused is logged and left out
    }
    if (auto target = provider_->target()) {
      WEFT_CO_CHECK(co_await ingress_.serve(std::move(target)));
    }
    WEFT_CO_CHECK(co_await bus_->flush(kFlushTimeout));
    serves_ = true;
    signals_.async_wait([this](const boost::system::error_code& fault, int /*signal*/) {
      if (!fault) {
        finish();
      }
    });
    run_jobs_soon();
    co_return Result<void>();
  }

  Result<void> listen() {
    WEFT_TRY(const auto xkey, own_xkey());
    using wire::ProviderSubject;
    const auto subject = [this](ProviderSubject what) {
      return wire::provider_subject(data_.lattice_rpc_prefix, data_.provider_key, what);
    };
    WEFT_CHECK(hear(subject(ProviderSubject::health), &ProviderProcess::on_health));
    WEFT_CHECK(hear(subject(ProviderSubject::shutdown), &ProviderProcess::on_shutdown));
    WEFT_CHECK(hear(subject(ProviderSubject::link_del), &ProviderProcess::on_link_del));
    WEFT_CHECK(hear(subject(ProviderSubject::config_update), &ProviderProcess::on_config));
    return hear(wire::provider_subject(data_.lattice_rpc_prefix, xkey, ProviderSubject::link_put),
                &ProviderProcess::on_link_put);
  }

  /// Under which links are put: its key, or for a host older than 1.1 its id.
  Result<std::string> own_xkey() {
    if (data_.provider_xkey_private_key.empty() && data_.host_xkey_public_key.empty()) {
      return data_.provider_key;
    }
    WEFT_TRY(const auto pair, wire::KeyPair::from_seed(data_.provider_xkey_private_key));
    return std::string(pair.public_text());
  }

  Result<void> hear(const std::string& subject, void (ProviderProcess::*handler)(const bus::Message&)) {
    WEFT_TRY(auto subscription, bus_->subscribe(control_, subject, {}, [this, handler](const bus::Message& message) {
      (this->*handler)(message);
    }));
    subscriptions_.push_back(std::move(subscription));
    return {};
  }

  void on_health(const bus::Message& message) {
    if (serves_ && !message.reply.empty()) {
      reply(message, wire::encode(wire::HealthReply{.healthy = true, .message = {}}));
    }
  }

  void on_shutdown(const bus::Message& message) {
    const auto request = wire::decode_shutdown_request(message.payload);
    // All of that id in the lattice hear it.
    if (!request || request->host_id != data_.host_id || message.reply.empty()) {
      return;
    }
    farewell_ = message;
    finish();
  }

  void on_link_put(const bus::Message& message) {
    auto link = wire::decode_link_definition(message.payload);
    if (!link) {
      return log_(LogLevel::error, {}, "a link is skipped: " + link.error().to_string());
    }
    enqueue([this, link = *std::move(link)] { return put_link(link); });
  }

  void on_link_del(const bus::Message& message) {
    auto link = wire::decode_link_definition(message.payload);
    if (link) {
      enqueue([this, link = *std::move(link)] { return delete_link(link); });
    }
  }

  void on_config(const bus::Message& message) {
    auto config = wire::decode_string_map(message.payload);
    if (!config) {
      return log_(LogLevel::error, {}, "a configuration is skipped: " + config.error().to_string());
    }
    enqueue([this, config = *std::move(config)]() -> async::Task<void> {
      return pool_.run([provider = provider_.get(), config] { return provider->update_config(config); });
    });
  }

  void enqueue(Job job) {
    jobs_.push_back(std::move(job));
    run_jobs_soon();
  }
  void run_jobs_soon() {
    if (serves_ && !jobs_.empty() && !std::exchange(busy_, true)) {
      tasks_.spawn("commands", run_jobs());
    }
  }
  async::Task<void> run_jobs() {
    while (!jobs_.empty() && serves_) {
      const auto job = std::move(jobs_.front());
      jobs_.pop_front();
      (void)co_await job();
    }
    busy_ = false;
    co_return Result<void>();
  }

  /// With the secrets that the host has sealed for this process.
  Result<builtins::ProviderLink> open_link(const wire::LinkDefinition& link) const {
    if (!link.source_secrets && !link.target_secrets) {
      return builtins::provider_link(link);
    }
    WEFT_TRY(const auto own, wire::KeyPair::from_seed(data_.provider_xkey_private_key, wire::KeyKind::curve));
    WEFT_TRY(const auto host, wire::parse_public_key(data_.host_xkey_public_key, wire::KeyKind::curve));
    WEFT_TRY(auto source, wire::open_secrets(link.source_secrets, own, host));
    WEFT_TRY(auto target, wire::open_secrets(link.target_secrets, own, host));
    return builtins::provider_link(link, std::move(source), std::move(target));
  }

  async::Task<void> put_link(wire::LinkDefinition link) {
    const auto key = key_of(link);
    const auto known = links_.find(key);
    if (known != links_.end() && known->second == link) {
      co_return Result<void>();
    }
    auto opened = open_link(link);
    if (!opened) {
      log_(LogLevel::error, {},
           fmt::format("the link of {} to {} is skipped: {}", link.source_id, link.target, opened.error().to_string()));
      co_return opened.error();
    }
    links_.insert_or_assign(key, link);
    WEFT_CO_CHECK(co_await route());
    auto done =
        co_await pool_.run([provider = provider_.get(), put = *std::move(opened)] { return provider->put_link(put); });
    if (!done) {
      links_.erase(key);  // it may be put again
      log_(LogLevel::error, {},
           fmt::format("the link of {} to {} is refused: {}", link.source_id, link.target, done.error().to_string()));
    }
    co_return done;
  }

  async::Task<void> delete_link(wire::LinkDefinition link) {
    links_.erase(key_of(link));
    builtins::ProviderLink gone{.source = link.source_id,
                                .target = link.target,
                                .name = link.name,
                                .wit_namespace = link.wit_namespace,
                                .wit_package = link.wit_package,
                                .interfaces = link.interfaces};
    WEFT_CO_CHECK(co_await pool_.run([provider = provider_.get(), gone]() -> Result<void> {
      provider->delete_link(gone);
      return {};
    }));
    co_return co_await route();
  }

  /// Where its own calls go.
  async::Task<void> route() {
    std::vector<dispatch::Route> routes;
    for (const auto& [key, link] : links_) {
      if (link.source_id != data_.provider_key) {
        continue;
      }
      for (const auto& interface : link.interfaces) {
        routes.push_back({.link_name = link.name,
                          .interface = fmt::format("{}:{}/{}", link.wit_namespace, link.wit_package, interface),
                          .target_id = link.target,
                          .target = nullptr});
      }
    }
    routes_.set_routes(data_.provider_key, std::move(routes));
    co_return co_await dispatcher_.publish(routes_.snapshot());
  }

  void finish() {
    if (std::exchange(serves_, false)) {
      over_.set_value();
    }
  }

  async::Task<void> end() {
    signals_.cancel();
    if (provider_) {
      (void)co_await ingress_.withdraw(data_.provider_key);
      (void)co_await pool_.run([provider = provider_.get()]() -> Result<void> {
        provider->stop(kStopGrace);
        return {};
      });
    }
    co_await tasks_.close();
    if (farewell_) {
      reply(*farewell_, "shutting down");
    }
    subscriptions_.clear();
    (void)co_await ingress_.close();
    (void)co_await endpoint_.close();
    co_return co_await bus_->drain(kFlushTimeout);
  }

  void reply(const bus::Message& to, std::string payload) {
    (void)bus_->publish({.subject = to.reply, .reply = {}, .headers = {}, .payload = std::move(payload)});
  }

  // Destroyed in reverse: what uses something stands below it.
  const wire::HostData& data_;
  LogSink log_;
  async::Shard control_{kControlShard};
  async::ShardPool shards_{0};
  async::BlockingPool pool_{"work", 4};
  std::unique_ptr<bus::NatsBus> bus_;
  wrpc::Endpoint endpoint_;
  dispatch::Dispatcher dispatcher_;
  dispatch::RoutingTable routes_;
  wrpc::Ingress ingress_;
  async::TaskScope tasks_;
  boost::asio::signal_set signals_;
  std::vector<std::unique_ptr<bus::Subscription>> subscriptions_;
  std::unique_ptr<builtins::Provider> provider_;
  std::map<LinkKey, wire::LinkDefinition> links_;
  std::deque<Job> jobs_;
  bool busy_ = false;
  bool serves_ = false;
  std::optional<bus::Message> farewell_;  ///< the request to end
  std::promise<void> over_;
};

}  // namespace

Result<std::string> read_first_line(int descriptor) {
  std::string line;
  std::array<char, 65'536> buffer;  // NOLINT(cppcoreguidelines-pro-type-member-init): read into
  while (!line.contains('\n')) {
    const auto got = ::read(descriptor, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got <= 0) {
      break;
    }
    line.append(buffer.data(), static_cast<std::size_t>(got));
    if (line.size() > kMaxLine) {
      return Error(Errc::resource_exhausted, fmt::format("the host's document is more than {} bytes", kMaxLine));
    }
  }
  line.resize(std::min(line.find('\n'), line.size()));
  return line;
}

LogSink log_to_stderr(const wire::HostData& data) {
  const bool is_json = data.structured_logging;
  const auto least = least_level(data.log_level.value_or("info"));
  return [is_json, least](LogLevel level, std::string_view component, std::string_view line) {
    if (level < least) {
      return;
    }
    std::string text;
    if (is_json) {
      boost::json::object object{{"level", wire::to_json(to_text(level))}, {"message", wire::to_json(line)}};
      if (!component.empty()) {
        object["component"] = wire::to_json(component);
      }
      text = wire::json_text(object) + "\n";
    } else {
      text = fmt::format("{} {}{}{}\n", to_text(level), component, component.empty() ? "" : ": ", line);
    }
    // One write for a line: shards and threads of the pool log side by side.
    (void)!::write(STDERR_FILENO, text.data(), text.size());
  };
}

int provider_main(const builtins::ProviderFactory& factory) {
  const auto run = [&factory]() -> Result<void> {
    WEFT_TRY(const auto line, read_first_line(STDIN_FILENO));
    auto data = wire::read_host_data_line(line);
    if (!data) {
      return Error(Errc::malformed, "what stands on standard input is no document of a host: " + data.error().message(),
                   "let a host start this provider: weft start provider file:///PATH ID", Blame::operator_);
    }
    return run_provider_process(*data, factory);
  };
  const auto ended = run();
  if (!ended) {
    fmt::print(stderr, "error: {}\n", ended.error().to_string());
  }
  return ended ? 0 : 1;
}

Result<void> run_provider_process(const wire::HostData& data, const builtins::ProviderFactory& factory) {
  const auto log = log_to_stderr(data);
  WEFT_TRY(auto bus, bus::NatsBus::connect(nats_options(data, log)));
  ProviderProcess process(data, log, std::move(bus));
  return process.run(factory);
}

}  // namespace weft::sdk

namespace weft {

int run_provider(BuiltinFactory factory) { return sdk::provider_main(builtins::provider_factory(std::move(factory))); }

}  // namespace weft
