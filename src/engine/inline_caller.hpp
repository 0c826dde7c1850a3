// SPDX-License-Identifier: Apache-2.0
/// For tests and fuzzers: calls of a real guest's functions, each run to its end on the caller's own thread. The shard
/// is never started; its loop is run here, only while a call is in flight. The guest is one of apps/, which
/// scripts/build_apps builds to $WEFT_APPS_DIR.
#pragma once

#include <algorithm>
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
    WEFT_CHECK(run(function, params));
    return result_of(*call_);
  }

  struct Streamed {
    Bytes results;
    Bytes written;          ///< to the stream or future among the results
    bool is_whole = false;  ///< that has ended
  };
  /// The same of a function with one stream or future among its parameters, which is given in pieces of that size, and
  /// at most one among its results.
  Result<Streamed> call(const Function& function, std::span<const std::byte> params, std::span<const std::byte> stream,
                        std::size_t piece) {
    stream_ = stream;
    piece_ = piece;
    written_ = {};
    writes_ = !function.result_paths().empty();
    WEFT_CHECK(run(function, params));
    written_.results = result_of(*call_);
    return std::move(written_);
  }

 private:
  InlineCaller(Engine engine, Module module, Deployment deployment)
      : engine_(std::move(engine)), module_(std::move(module)), deployment_(std::move(deployment)) {}

  static Bytes result_of(const Call& call) {
    const auto result = call.result();
    return {result.begin(), result.end()};
  }

  Result<void> run(const Function& function, std::span<const std::byte> params) {
    done_ = false;
    WEFT_TRY(call_, Call::function(lane_, function, params, shard_, *this));
    call_->poll_now();
    while (!done_) {
      shard_.io().run_one();
    }
    shard_.io().poll();  // a wake that came too late holds the loop, and the loop the wake
    WEFT_CHECK(call_->outcome());
    return {};
  }

  void on_stream(const StreamEvent& event) override {
    if (event.kind == StreamEvent::Kind::wanted) {
      if (stream_.empty()) return call_->end_stream(event.token, event.channel);
      const auto size = std::min(piece_, stream_.size());
      call_->push_stream(event.token, event.channel, stream_.first(size));
      stream_ = stream_.subspan(size);
    } else if (event.kind == StreamEvent::Kind::readable) {
      take_written();
    }
  }
  void take_written() {
    for (;;) {
      const auto piece = call_->read_stream(kOwnCall, 0);
      written_.is_whole = written_.is_whole || piece.state == BodyState::end;
      if (piece.state != BodyState::data) return;
      written_.written.insert(written_.written.end(), piece.data.begin(), piece.data.end());
    }
  }
  void on_polled(Polled polled) override {
    done_ = polled.done;
    if (polled.result && writes_) take_written();
  }
  void on_log(std::uint32_t /*stream*/, std::string_view /*line*/) override {}

  Engine engine_;
  Module module_;
  Deployment deployment_;
  Lane lane_{deployment_};
  async::Shard shard_{0};
  std::unique_ptr<Call> call_;  ///< the last one
  bool done_ = false;
  std::span<const std::byte> stream_;  ///< what of it has not been given
  std::size_t piece_ = 0;
  bool writes_ = false;
  Streamed written_;
};

}  // namespace weft::engine
