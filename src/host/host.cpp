// SPDX-License-Identifier: Apache-2.0
#include <weft/host.hpp>

#include <fmt/core.h>
#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <stop_token>
#include <utility>

#include "async/shard.hpp"
#include "builtins/builtin_provider.hpp"
#include "engine/engine.hpp"
#include "guest/component.hpp"
#include "guest/component_loader.hpp"
#include "guest/export_name.hpp"
#include "guest/http_guest.hpp"
#include "guest/one_call.hpp"
#include "host/builtin_providers.hpp"
#include "host/fence.hpp"
#include "host/node.hpp"
#include "web/server.hpp"

namespace weft {
namespace host {
namespace {

std::string default_cache_dir() {
  if (const char* base = std::getenv("XDG_CACHE_HOME"); base != nullptr && *base == '/') {
    return std::string(base) + "/weft/artifacts";
  }
  if (const char* home = std::getenv("HOME"); home != nullptr && *home == '/') {
    return std::string(home) + "/.cache/weft/artifacts";
  }
  return {};
}

/// A component behind a web server. The Host and the HttpService that the embedder holds share it: whichever closes
/// first closes it.
class ServiceCore {
 public:
  ServiceCore(async::ShardPool& shards, const std::shared_ptr<const guest::LoadedComponent>& component,
              const LogSink& log)
      : guests_(shards, component, log,
                std::make_shared<guest::Permits>(shards, component->config().limits.max_concurrent, 0), nullptr) {}

  Result<void> start(async::ShardPool& shards, web::ServerConfig config) {
    WEFT_TRY(server_, web::Server::create(shards, guests_, std::move(config)));
    address_ = server_->address();
    return {};
  }

  [[nodiscard]] const std::string& address() const noexcept { return address_; }

  void close(std::chrono::milliseconds grace) {
    const std::lock_guard lock(closing_);
    if (std::exchange(closed_, true)) {
      return;
    }
    if (server_) {
      server_->close(grace);
    }
    guests_.close();
  }

 private:
  std::mutex closing_;
  bool closed_ = false;
  std::string address_;
  guest::HttpGuests guests_;
  std::unique_ptr<web::Server> server_;
};

class Service final : public HttpService {
 public:
  explicit Service(std::shared_ptr<ServiceCore> core) : core_(std::move(core)) {}
  ~Service() override { core_->close(std::chrono::milliseconds(0)); }
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  [[nodiscard]] std::string address() const override { return core_->address(); }
  void close(std::chrono::milliseconds grace) override { core_->close(grace); }

 private:
  std::shared_ptr<ServiceCore> core_;
};

class LocalHost final : public Host {
 public:
  LocalHost(HostConfig config, std::string cache_dir, engine::Engine engine, builtins::ProviderRegistry providers)
      : log_(std::move(config.log)),
        cache_dir_(std::move(cache_dir)),
        engine_(std::move(engine)),
        shards_(config.shards),
        builtins_(std::move(providers)) {}
  ~LocalHost() override { stop_all(); }
  LocalHost(const LocalHost&) = delete;
  LocalHost& operator=(const LocalHost&) = delete;

  Result<std::shared_ptr<Component>> load(const std::string& path, ComponentConfig config) override {
    return fenced("loading a component", [&]() -> Result<std::shared_ptr<Component>> {
      WEFT_TRY(const auto bytes, guest::read_component_file(path));
      if (config.id.empty()) {
        config.id = std::filesystem::path(path).stem().string();
      }
      auto loaded = load_bytes(bytes, std::move(config));
      if (!loaded) {
        return guest::about_file(loaded.error(), path);
      }
      return loaded;
    });
  }

  Result<std::shared_ptr<Component>> load_bytes(std::string_view wasm, ComponentConfig config) override {
    return fenced("loading a component", [&]() -> Result<std::shared_ptr<Component>> {
      WEFT_TRY(auto loaded, loader_.load(wasm, std::move(config), engine::Imports::none));
      return std::shared_ptr<Component>(std::move(loaded));
    });
  }

  Result<ComponentInfo> inspect(const std::string& path) override {
    return fenced("inspecting a component", [&]() -> Result<ComponentInfo> {
      WEFT_TRY(const auto bytes, guest::read_component_file(path));
      auto info = engine::describe(bytes);
      if (!info) {
        return guest::about_file(info.error(), path);
      }
      return info;
    });
  }

  Result<bool> compile(const std::string& path) override {
    return fenced("compiling a component", [&]() -> Result<bool> {
      WEFT_TRY(const auto bytes, guest::read_component_file(path));
      const auto module = engine_.load(bytes);
      if (!module) {
        return guest::about_file(module.error(), path);
      }
      if (module->was_cached()) {
        return false;
      }
      // What was stored is what loads again.
      const auto stored = engine_.load(bytes);
      if (!stored || !stored->was_cached()) {
        return Error(Errc::io,
                     fmt::format("{} compiles, but the artifact cannot be kept in the cache folder {}", path,
                                 cache_dir_.empty() ? "(there is none)" : cache_dir_),
                     "make the folder writable by you alone, with room for it, or name another with --cache-dir",
                     Blame::environment);
      }
      return true;
    });
  }

  Result<std::unique_ptr<HttpService>> serve(std::shared_ptr<Component> component, ServeConfig config) override {
    return fenced("starting to serve", [&]() -> Result<std::unique_ptr<HttpService>> {
      auto loaded = std::dynamic_pointer_cast<const guest::LoadedComponent>(component);
      if (!loaded || loaded->info().kind != WorldKind::http) {
        return Error(Errc::type_mismatch, "the component does not export wasi:http/incoming-handler",
                     "serve one built for the wasi:http/proxy world", Blame::operator_);
      }
      auto core = std::make_shared<ServiceCore>(shards_, loaded, log_);
      WEFT_CHECK(core->start(shards_, server_config(*loaded, config)));
      const std::lock_guard lock(services_mutex_);
      std::erase_if(services_, [](const auto& service) { return service.expired(); });
      services_.push_back(core);
      return std::make_unique<Service>(std::move(core));
    });
  }

  Result<int> run_command(const Component& component) override {
    return fenced("running a command", [&]() -> Result<int> {
      WEFT_TRY(const auto answer,
               guest::run_one_call(shards_.at(0), loaded(component), nullptr, {}, log_, stop_.get_token()));
      return answer.exit_code;
    });
  }

  Result<std::string> call(const Component& component, const std::string& function,
                           const std::vector<std::string>& arguments, ValueFormat format, CallStats* stats) override {
    return fenced("calling a function", [&]() -> Result<std::string> {
      const auto& callee = loaded(component);
      WEFT_TRY(const auto name, guest::resolve_export(function, callee.info().exports));
      WEFT_TRY(const auto found, callee.deployment().find(name));
      WEFT_TRY(const auto params, found.encode(arguments, format));
      WEFT_TRY(const auto answer, guest::run_one_call(shards_.at(0), callee, &found, params, log_, stop_.get_token()));
      if (stats != nullptr) {
        *stats = answer.stats;
      }
      auto text = found.decode(answer.result, format);
      if (answer.exit_code != 0 || (!text && answer.result.empty())) {
        return Error(Errc::guest_exit,
                     fmt::format("the guest exited with code {} instead of returning from {}", answer.exit_code, name),
                     "run it with 'weft run' if it is a command", Blame::guest);
      }
      return text;
    });
  }

  Result<std::unique_ptr<LatticeMember>> join(LatticeConfig config) override {
    return fenced("joining a lattice", [&]() -> Result<std::unique_ptr<LatticeMember>> {
      WEFT_TRY(
          auto node,
          Node::start({.engine = engine_, .loader = loader_, .shards = shards_, .builtins = builtins_, .log = log_},
                      std::move(config)));
      return std::unique_ptr<LatticeMember>(std::move(node));
    });
  }

  void stop() override { stop_all(); }

 private:
  /// Components come from this host's load() alone.
  static const guest::LoadedComponent& loaded(const Component& component) {
    return static_cast<const guest::LoadedComponent&>(component);
  }

  web::ServerConfig server_config(const guest::LoadedComponent& component, const ServeConfig& config) {
    web::ServerConfig server;
    server.address = config.listen;
    server.limits = {.max_header_bytes = config.max_header_bytes,
                     .max_body_bytes = config.max_body_bytes,
                     .max_connections = config.max_connections,
                     .max_requests_in_flight = config.max_requests_in_flight,
                     .header_timeout = config.header_timeout,
                     .idle_timeout = config.idle_timeout,
                     .io_timeout = config.io_timeout,
                     .request_timeout = config.request_timeout};
    if (config.access_log && log_) {
      server.access_log = [this, id = component.id()](const web::AccessRecord& record) {
        log_(LogLevel::info, id,
             fmt::format("access {} {} {} {} {} in={} out={} us={}{}", record.id, record.remote, record.method,
                         record.target, record.status, record.bytes_in, record.bytes_out, record.duration.count(),
                         record.complete ? "" : " incomplete"));
      };
    }
    return server;
  }

  void stop_all() {
    stop_.request_stop();
    std::vector<std::weak_ptr<ServiceCore>> services;
    {
      const std::lock_guard lock(services_mutex_);
      services.swap(services_);
    }
    for (const auto& service : services) {
      if (const auto core = service.lock()) {
        core->close(std::chrono::milliseconds(0));
      }
    }
  }

  // Destroyed in reverse: the shards stop first, then the engine goes.
  LogSink log_;
  std::string cache_dir_;
  engine::Engine engine_;
  guest::ComponentLoader loader_{engine_};
  async::ShardPool shards_;
  builtins::ProviderRegistry builtins_;
  std::stop_source stop_;
  std::mutex services_mutex_;
  std::vector<std::weak_ptr<ServiceCore>> services_;
};

}  // namespace
}  // namespace host

Result<std::unique_ptr<Host>> Host::create(HostConfig config) {
  return host::fenced("starting a host", [&]() -> Result<std::unique_ptr<Host>> {
    auto cache_dir = config.cache_dir.value_or(host::default_cache_dir());
    WEFT_TRY(auto engine, engine::Engine::create({.cache_dir = cache_dir}));
    auto providers = host::builtin_providers();
    WEFT_CHECK(builtins::add_builtins(providers, config.builtins));
    return std::make_unique<host::LocalHost>(std::move(config), std::move(cache_dir), std::move(engine),
                                             std::move(providers));
  });
}

}  // namespace weft
