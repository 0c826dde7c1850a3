// SPDX-License-Identifier: Apache-2.0
/// For tests: real guests of apps/ linked with each other and with targets that the test plays itself. Calls are made
/// from the test's thread and run on the shard that is named; everything waits with a deadline.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <fstream>
#include <future>
#include <iterator>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "async/on_shard.hpp"
#include "base/eventually.hpp"
#include "dispatch/dispatcher.hpp"
#include "engine/engine.hpp"
#include "guest/component_target.hpp"
#include "guest/guest_bytes.hpp"

namespace weft::guest {

using testing_support::eventually;

inline constexpr std::chrono::seconds kPatience{20};
inline constexpr std::string_view kRelay = "weft:relay/relay";

inline std::vector<std::byte> encoded(std::string_view text) {
  std::vector<std::byte> bytes;
  put_text(bytes, text);
  return bytes;
}

inline std::string decoded(std::span<const std::byte> bytes) {
  return std::string(GuestBytes(bytes).take_text().value_or("(not a text)"));
}

/// Answers when it is told to, from any thread; keeps what it was asked.
class ManualTarget final : public dispatch::Target {
 public:
  struct Asked {
    std::string interface, function, source, link_name, trace_parent;
    engine::Bytes params;
    std::uint32_t depth = 0;
    bool has_deadline = false;
  };

  explicit ManualTarget(std::string id) : id_(std::move(id)) {}
  [[nodiscard]] const std::string& id() const noexcept override { return id_; }

  std::unique_ptr<dispatch::PendingCall> invoke(async::Shard& shard, const dispatch::Invocation& invocation,
                                                dispatch::CallHandler& handler) override {
    const std::lock_guard lock(mutex_);
    const auto& context = invocation.context;
    asked_.push_back({std::string(invocation.interface), std::string(invocation.function), std::string(context.source),
                      std::string(context.link_name), std::string(context.trace_parent),
                      engine::Bytes(invocation.params.begin(), invocation.params.end()), context.depth,
                      context.deadline != std::chrono::steady_clock::time_point::max()});
    changed_.notify_all();
    if (at_once_) {
      handler.on_results(*at_once_);
      return nullptr;
    }
    const auto number = next_++;
    waiting_[number] = {&shard, &handler};
    return std::make_unique<Waiting>(*this, number);
  }

  void answer_at_once(engine::Bytes results) {
    const std::lock_guard lock(mutex_);
    at_once_ = std::move(results);
  }
  /// Waits until `count` calls wait for an answer.
  bool has_waiting(std::size_t count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPatience, [&] { return waiting_.size() == count; });
  }
  /// Answers the call that has waited longest, on its shard; waits for one to come.
  void answer(engine::Bytes results) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, kPatience, [&] { return !waiting_.empty(); })) {
      ADD_FAILURE() << "nobody has asked " << id_;
      return;
    }
    const auto [number, call] = *waiting_.begin();
    call.shard->post([this, number, results = std::move(results)]() noexcept { give(number, results); });
  }
  [[nodiscard]] std::vector<Asked> asked() {
    const std::lock_guard lock(mutex_);
    return asked_;
  }

 private:
  struct Call {
    async::Shard* shard;
    dispatch::CallHandler* handler;
  };
  struct Waiting final : dispatch::PendingCall {
    Waiting(ManualTarget& target, std::uint64_t number) : owner(target), place(number) {}
    ~Waiting() override { owner.forget(place); }
    ManualTarget& owner;
    std::uint64_t place;
  };

  void give(std::uint64_t number, const engine::Bytes& results) {
    dispatch::CallHandler* handler = nullptr;
    {
      const std::lock_guard lock(mutex_);
      const auto place = waiting_.find(number);
      if (place == waiting_.end()) return;
      handler = place->second.handler;
      waiting_.erase(place);
      changed_.notify_all();
    }
    handler->on_results(results);
  }
  void forget(std::uint64_t number) {
    const std::lock_guard lock(mutex_);
    waiting_.erase(number);
    changed_.notify_all();
  }

  std::string id_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Asked> asked_;
  std::map<std::uint64_t, Call> waiting_;
  std::uint64_t next_ = 0;
  std::optional<engine::Bytes> at_once_;
};

/// A call from the test's thread.
class TestCall final : private dispatch::CallHandler {
 public:
  TestCall(async::Shard& shard, dispatch::Target& target, std::string interface, std::string function,
           engine::Bytes params, dispatch::CallContext context)
      : shard_(shard) {
    async::on_shard(shard_, [&] {
      auto pending = target.invoke(
          shard_, {.interface = interface, .function = function, .params = params, .context = context}, *this);
      if (!told_) pending_ = std::move(pending);
    });
  }
  ~TestCall() { cancel(); }
  TestCall(const TestCall&) = delete;
  TestCall& operator=(const TestCall&) = delete;

  Result<engine::Bytes> wait() {
    if (answer_.wait_for(kPatience) != std::future_status::ready) {
      ADD_FAILURE() << "the call does not end";
      return Error(Errc::internal, "the call does not end");
    }
    return answer_.get();
  }
  [[nodiscard]] bool has_ended() const {
    return answer_.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
  }
  void cancel() {
    async::on_shard(shard_, [this] { pending_.reset(); });
  }

 private:
  void on_results(std::span<const std::byte> results) override {
    told_ = true;
    const engine::Bytes copy(results.begin(), results.end());
    pending_.reset();
    promise_.set_value(copy);
  }
  void on_error(Error error) override {
    told_ = true;
    pending_.reset();
    promise_.set_value(std::move(error));
  }

  async::Shard& shard_;
  bool told_ = false;
  std::unique_ptr<dispatch::PendingCall> pending_;
  std::promise<Result<engine::Bytes>> promise_;
  std::future<Result<engine::Bytes>> answer_ = promise_.get_future();
};

class ComponentTargetTest : public testing::Test {
 protected:
  void TearDown() override {
    for (const auto& [id, target] : components) target->close(std::chrono::milliseconds(0));
  }

  static engine::Engine make_engine() {
    auto made = engine::Engine::create({.max_instances = 256, .max_memory_bytes = 0, .cache_dir = ""});
    if (!made) std::abort();
    return *std::move(made);
  }

  /// A component from an app, under an id, running and in the table.
  ComponentTarget& start(const std::string& id, const std::string& app, ComponentTargetConfig config = {},
                         const Limits& limits = {}) {
    const std::string path = std::string(std::getenv("WEFT_APPS_DIR")) + "/" + app + ".wasm";
    std::ifstream file(path, std::ios::binary);
    const std::string wasm{std::istreambuf_iterator<char>(file), {}};
    auto info = engine::describe(wasm);
    auto module = info ? engine.load(wasm) : Result<engine::Module>(info.error());
    auto deployment = module ? engine.prepare(*module, id, {}, limits, engine::Imports::all)
                             : Result<engine::Deployment>(module.error());
    if (!deployment) {
      ADD_FAILURE() << path << ": " << deployment.error().to_string();
      std::abort();
    }
    auto loaded = std::make_shared<LoadedComponent>(ComponentConfig{.id = id, .grants = {}, .limits = limits},
                                                    *std::move(info), *std::move(module), *std::move(deployment));
    auto target = std::make_shared<ComponentTarget>(shards, std::move(loaded), dispatcher, config, log);
    table.set_target(id, target);
    return *(components[id] = std::move(target));
  }

  void link(const std::string& source, const std::string& target, std::string_view interface = kRelay,
            const std::string& name = "default") {
    links[source].push_back({name, std::string(interface), target, nullptr});
    table.set_routes(source, links[source]);
    publish();
  }

  void publish() {
    auto done = boost::asio::co_spawn(control, dispatcher.publish(table.snapshot()), boost::asio::use_future);
    control.restart();
    const auto keep = boost::asio::make_work_guard(control);
    while (done.wait_for(std::chrono::seconds(0)) != std::future_status::ready) control.run_one_for(kPatience);
    static_cast<void>(done.get());
  }

  std::unique_ptr<TestCall> begin(ComponentTarget& target, std::string_view script, std::size_t shard = 0,
                                  dispatch::CallContext context = {}) {
    return std::make_unique<TestCall>(shards.at(shard), target, std::string(kRelay), "run", encoded(script), context);
  }

  /// What the guest said.
  std::string run(ComponentTarget& target, std::string_view script, std::size_t shard = 0) {
    auto answer = begin(target, script, shard)->wait();
    return answer ? decoded(*answer) : "ERROR " + answer.error().to_string();
  }
  Error failure(ComponentTarget& target, std::string_view script, dispatch::CallContext context = {}) {
    auto answer = begin(target, script, 0, context)->wait();
    if (answer) {
      ADD_FAILURE() << "it answered " << decoded(*answer);
      return Error(Errc::internal, "");
    }
    return std::move(answer).error();
  }

  static dispatch::CallContext within(std::chrono::milliseconds time) {
    dispatch::CallContext context;
    context.deadline = std::chrono::steady_clock::now() + time;
    return context;
  }

  static InterfaceStats stats_of(const ComponentTarget& target, std::string_view interface) {
    for (const auto& stats : target.stats().interfaces) {
      if (stats.interface == interface) return stats;
    }
    return {};
  }

  boost::asio::io_context control;  ///< where publish() is awaited; outlives the shards, which post to it last
  engine::Engine engine = make_engine();
  LogSink log;
  async::ShardPool shards{2};
  dispatch::Dispatcher dispatcher{shards};
  dispatch::RoutingTable table;
  std::map<std::string, std::vector<dispatch::Route>> links;
  std::map<std::string, std::shared_ptr<ComponentTarget>> components;
};

}  // namespace weft::guest
