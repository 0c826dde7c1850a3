// SPDX-License-Identifier: Apache-2.0
/// For tests and fuzzers: calls of a real guest's functions, each run to its end on the caller's own thread. The shard
/// is never started; its loop is run here, only while a call is in flight. The guest is one of apps/, which
/// scripts/build_apps builds to $WEFT_APPS_DIR.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <span>
#include <string>
#include <utility>

#include "async/shard.hpp"
#include "engine/call.hpp"
#include "engine/engine.hpp"

namespace weft::engine {

class InlineCaller final : private CallEvents {
 public:
  static Result<std::unique_ptr<InlineCaller>> create(const std::string& app) {
    const char* folder = std::getenv("WEFT_APPS_DIR");
    const std::string path = std::string(folder == nullptr ? "build/apps" : folder) + "/" + app + ".wasm";
    std::ifstream file(path, std::ios::binary);
    const std::string wasm{std::istreambuf_iterator<char>(file), {}};
    if (wasm.empty()) {
      return Error(Errc::not_found, path + " cannot be read", "run scripts/build_apps, or set WEFT_APPS_DIR");
    }
    WEFT_TRY(Engine engine, Engine::create({.max_instances = 4, .max_memory_bytes = 0, .cache_dir = ""}));
    WEFT_TRY(Module module, engine.load(wasm));
    WEFT_TRY(Deployment deployment, engine.prepare(module, app, {}, {}));
    return std::unique_ptr<InlineCaller>(new InlineCaller(std::move(engine), std::move(module), std::move(deployment)));
  }

  [[nodiscard]] Result<Function> find(std::string_view name) const { return deployment_.find(name); }

  /// In a fresh instance. The encoded results, or why it failed.
  Result<Bytes> call(const Function& function, std::span<const std::byte> params) {
    done_ = false;
    WEFT_TRY(const std::unique_ptr<Call> call, Call::function(lane_, function, params, shard_, *this));
    call->poll_now();
    while (!done_) {
      shard_.io().run_one();
    }
    WEFT_CHECK(call->outcome());
    const auto result = call->result();
    return Bytes(result.begin(), result.end());
  }

 private:
  InlineCaller(Engine engine, Module module, Deployment deployment)
      : engine_(std::move(engine)), module_(std::move(module)), deployment_(std::move(deployment)) {}

  void on_polled(Polled polled) override { done_ = polled.done; }
  void on_log(std::uint32_t /*stream*/, std::string_view /*line*/) override {}

  Engine engine_;
  Module module_;
  Deployment deployment_;
  Lane lane_{deployment_};
  async::Shard shard_{0};
  bool done_ = false;
};

}  // namespace weft::engine
