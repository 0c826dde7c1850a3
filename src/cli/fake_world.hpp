// SPDX-License-Identifier: Apache-2.0
/// For tests: a Context whose host, console and signals are written down instead of happening.
#pragma once

#include "cli/commands.hpp"
#include "cli/context.hpp"

#include <fmt/format.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace weft::cli {

class FakeConsole final : public Console {
 public:
  void out(std::string_view text) override { out_text += text; }
  void err(std::string_view text) override { err_text += text; }
  [[nodiscard]] bool err_is_terminal() const override { return terminal; }
  [[nodiscard]] bool out_failed() const override { return broken; }

  std::string out_text;
  std::string err_text;
  bool terminal = false;
  bool broken = false;
};

class FakeInterrupts final : public Interrupts {
 public:
  void watch(Handler handler) override { handler_ = std::move(handler); }
  void unwatch() override { handler_ = nullptr; }
  void raise(int signal) {
    if (handler_) handler_(signal, ++count_);
  }

 private:
  Handler handler_;
  int count_ = 0;
};

class FakeGuestTools final : public GuestTools {
 public:
  Result<void> bindgen(const std::string& wit, const std::string& world, const std::string& out_dir) override {
    said = fmt::format("bindgen {} {} {}", wit, world, out_dir);
    return {};
  }
  Result<std::string> componentize(std::string_view module, std::string_view adapter, const std::string& wit,
                                   const std::string& world) override {
    said = fmt::format("new {} {} {} {}", module, adapter, wit, world);
    return std::string("component");
  }
  std::string said;
};

/// What the fake host answers and what it was asked.
struct FakeHostScript {
  ComponentInfo info{.kind = WorldKind::http,
                     .wasi_version = "0.2.3",
                     .toolchain = "clang 19",
                     .size_bytes = 70'000,
                     .imports = {"wasi:http/types@0.2.3"},
                     .exports = {"wasi:http/incoming-handler@0.2.3"},
                     .functions = {},
                     .wit = "package root:component;\n",
                     .json = "{\"imports\":[]}"};
  std::optional<Error> create_error;
  std::optional<Error> inspect_error;
  std::optional<Error> load_error;
  std::optional<Error> serve_error;
  std::function<Result<int>()> command = [] { return Result<int>(0); };
  std::function<Result<std::string>()> call = [] { return Result<std::string>("42"); };
  std::function<void()> on_serve = [] {};
  bool cached = false;

  HostConfig host_config;
  ComponentConfig component_config;
  ServeConfig serve_config;
  LatticeConfig lattice_config;
  std::vector<std::string> call_words;
  ValueFormat call_format = ValueFormat::wave;
  std::optional<std::chrono::milliseconds> closed_with;
  int stops = 0;
};

class FakeComponent final : public Component {
 public:
  explicit FakeComponent(const FakeHostScript& script) : script_(script) {}
  [[nodiscard]] const std::string& id() const noexcept override { return id_; }
  [[nodiscard]] const ComponentInfo& info() const noexcept override { return script_.info; }
  [[nodiscard]] bool was_cached() const noexcept override { return script_.cached; }

 private:
  const FakeHostScript& script_;
  std::string id_ = "hello";
};

class FakeService final : public HttpService {
 public:
  explicit FakeService(FakeHostScript& script) : script_(script) {}
  [[nodiscard]] std::string address() const override { return "127.0.0.1:4711"; }
  void close(std::chrono::milliseconds grace) override { script_.closed_with = grace; }

 private:
  FakeHostScript& script_;
};

class FakeHost final : public Host {
 public:
  explicit FakeHost(FakeHostScript& script) : script_(script) {}
  Result<std::shared_ptr<Component>> load(const std::string& /*path*/, ComponentConfig config) override {
    script_.component_config = std::move(config);
    if (script_.load_error) return *script_.load_error;
    return std::shared_ptr<Component>(std::make_shared<FakeComponent>(script_));
  }
  Result<std::shared_ptr<Component>> load_bytes(std::string_view /*wasm*/, ComponentConfig config) override {
    return load("", std::move(config));
  }
  Result<ComponentInfo> inspect(const std::string& /*path*/) override {
    if (script_.inspect_error) return *script_.inspect_error;
    return script_.info;
  }
  Result<bool> compile(const std::string& /*path*/) override {
    if (script_.load_error) return *script_.load_error;
    return !script_.cached;
  }
  Result<std::unique_ptr<HttpService>> serve(std::shared_ptr<Component> /*component*/, ServeConfig config) override {
    script_.serve_config = std::move(config);
    if (script_.serve_error) return *script_.serve_error;
    script_.on_serve();
    return std::unique_ptr<HttpService>(std::make_unique<FakeService>(script_));
  }
  Result<int> run_command(const Component& /*component*/) override { return script_.command(); }
  Result<std::string> call(const Component& /*component*/, const std::string& function,
                           const std::vector<std::string>& arguments, ValueFormat format, CallStats* stats) override {
    script_.call_words = arguments;
    script_.call_words.insert(script_.call_words.begin(), function);
    script_.call_format = format;
    if (stats != nullptr)
      *stats = {.cpu_time = std::chrono::microseconds(1500), .peak_memory_bytes = 65536, .host_calls = 3};
    return script_.call();
  }
  Result<std::unique_ptr<LatticeMember>> join(LatticeConfig config) override {
    script_.lattice_config = std::move(config);
    return Error(Errc::unsupported, "the fake host joins no lattice");
  }
  void stop() override { ++script_.stops; }

 private:
  FakeHostScript& script_;
};

struct FakeWorld {
  FakeConsole console;
  FakeInterrupts interrupts;
  FakeGuestTools guest_tools;
  FakeHostScript script;
  std::map<std::string, std::string> environment;
  std::vector<int> exits;
  std::shared_ptr<bus::Bus> lattice_bus;  ///< what commands connect to; empty: nobody answers
  Context context{
      .console = console,
      .interrupts = interrupts,
      .guest_tools = guest_tools,
      .getenv = [this](const std::string& name) -> std::optional<std::string> {
        const auto found = environment.find(name);
        return found == environment.end() ? std::nullopt : std::optional(found->second);
      },
      .make_host = [this](HostConfig config) -> Result<std::unique_ptr<Host>> {
        script.host_config = std::move(config);
        if (script.create_error) return *script.create_error;
        return std::unique_ptr<Host>(std::make_unique<FakeHost>(script));
      },
      .library_versions = [] { return Versions{{"wasmtime", "48.0.8"}}; },
      .compiler_versions = [] { return Versions{{"clang", "19.1.7"}}; },
      .now = [] { return std::chrono::system_clock::time_point(std::chrono::milliseconds(1'795'266'000'123)); },
      .exit_now = [this](int code) { exits.push_back(code); },
      .connect_bus = [this](async::Shard&, const LatticeTarget&) -> Result<std::shared_ptr<bus::Bus>> {
        if (lattice_bus != nullptr) return lattice_bus;
        return Error(Errc::unavailable, "nobody answers the fake world");
      },
      .environment = [this] { return environment; },
  };

  int run(std::vector<std::string> words) { return run_weft(words, context); }
};

}  // namespace weft::cli
