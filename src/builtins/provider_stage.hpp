// SPDX-License-Identifier: Apache-2.0
/// For tests of providers: a built-in as a host runs it, with links, a caller in front of it and, behind it, a
/// component that the test plays (PlayedComponent). Threads: those of the test.
#pragma once

#include <gtest/gtest.h>

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>
#include <weft/builtin.hpp>

#include "builtins/builtin_target.hpp"
#include "builtins/fake_caller.hpp"

namespace weft::builtins {

/// Answers the calls of a provider: at once with what `answer` gives, or when the test says so.
class PlayedComponent final : public Caller {
 public:
  struct Received {
    LinkedCall call;
    std::vector<std::byte> params;
    Done done;  ///< empty when it was answered at once
  };
  /// Nothing: the test answers.
  using Answer = std::function<std::optional<Result<std::vector<std::byte>>>(const Received&)>;

  void answer_with(Answer answer) {
    const std::scoped_lock lock(mutex_);
    answer_ = std::move(answer);
  }
  void call(LinkedCall call, std::vector<std::byte> params, Done done) override {
    Received got{.call = std::move(call), .params = std::move(params), .done = {}};
    std::optional<Result<std::vector<std::byte>>> outcome;
    {
      const std::scoped_lock lock(mutex_);
      outcome = answer_ ? answer_(got) : Result<std::vector<std::byte>>(std::vector<std::byte>());
      if (!outcome) got.done = std::move(done);
      received_.push_back(std::make_shared<Received>(std::move(got)));
      arrived_.notify_all();
    }
    if (outcome) done(*std::move(outcome));
  }
  /// All there are, once there are `count`; fewer after twenty seconds.
  std::vector<std::shared_ptr<Received>> wait_for(std::size_t count) {
    std::unique_lock lock(mutex_);
    arrived_.wait_for(lock, FakeCaller::kDeadline, [&] { return received_.size() >= count; });
    return received_;
  }
  [[nodiscard]] std::size_t received() {
    const std::scoped_lock lock(mutex_);
    return received_.size();
  }
  /// Lets go of whoever would be told.
  void forget() {
    std::vector<std::shared_ptr<Received>> gone;
    const std::scoped_lock lock(mutex_);
    gone.swap(received_);
  }

 private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  Answer answer_;
  std::vector<std::shared_ptr<Received>> received_;
};

class ProviderStage : public testing::Test {
 protected:
  ~ProviderStage() override { stop(); }

  Result<void> try_start(const BuiltinFactory& factory, ConfigMap config = {}) {
    stop();
    BuiltinContext context{.id = "provider",
                           .config = std::move(config),
                           .log =
                               [this](LogLevel level, std::string_view source, std::string_view line) {
                                 const std::scoped_lock lock(log_mutex_);
                                 log_ += std::string(to_text(level)) + " " + std::string(source) + ": " +
                                         std::string(line) + "\n";
                               },
                           .shards = caller_.shards().size(),
                           .caller = component_};
    WEFT_TRY(auto builtin, factory(std::move(context)));
    WEFT_TRY(target_, BuiltinTarget::create(std::move(builtin), {.id = "provider",
                                                                 .shards = caller_.shards().size(),
                                                                 .pool = &caller_.shards(),
                                                                 .post_blocking = pool_.post()}));
    return {};
  }
  void start(const BuiltinFactory& factory, ConfigMap config = {}) {
    const auto started = try_start(factory, std::move(config));
    ASSERT_TRUE(started) << started.error().to_string();
  }
  void stop() {
    if (target_) target_->stop(std::chrono::seconds(1));
    target_.reset();
  }

  [[nodiscard]] static BuiltinLink link_to(std::string package, ConfigMap config, std::string name = "default",
                                           std::string source = "caller") {
    return {.source = std::move(source),
            .target = "provider",
            .name = std::move(name),
            .wit_namespace = package == "messaging" ? "wasmcloud" : "wasi",
            .wit_package = package,
            .target_config = std::move(config)};
  }
  [[nodiscard]] static BuiltinLink link_from(std::string package, std::string interface, ConfigMap config,
                                             std::string name = "default") {
    return {.source = "provider",
            .target = "component",
            .name = std::move(name),
            .wit_namespace = package == "messaging" ? "wasmcloud" : "wasi",
            .wit_package = package,
            .interfaces = {std::move(interface)},
            .source_config = std::move(config)};
  }
  void put(const BuiltinLink& link) {
    const auto done = target_->put_link(link);
    ASSERT_TRUE(done) << done.error().to_string();
  }

  [[nodiscard]] std::string log() {
    const std::scoped_lock lock(log_mutex_);
    return log_;
  }

  std::mutex log_mutex_;
  std::string log_;
  FakePool pool_;
  FakeCaller caller_;
  std::shared_ptr<PlayedComponent> component_ = std::make_shared<PlayedComponent>();
  std::shared_ptr<BuiltinTarget> target_;
};

}  // namespace weft::builtins
