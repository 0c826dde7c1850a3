// SPDX-License-Identifier: Apache-2.0
/// For tests: a lattice of a few hosts in one process, each with shards, a bus of its own that can be cut off, an
/// Endpoint and an Ingress; targets that do what a test says; and a peer that sends what it is told.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "async/shard_call.hpp"
#include "bus/local_dispatch.hpp"
#include "bus/memory_bus.hpp"
#include "bus/test_wait.hpp"
#include "wrpc/call_headers.hpp"
#include "wrpc/endpoint.hpp"
#include "wrpc/ingress.hpp"
#include "wrpc/recording.hpp"
#include "wrpc/remote_target.hpp"

namespace weft::wrpc::testing_support {

using namespace std::chrono_literals;
using bus::testing_support::Collected;
using bus::testing_support::eventually;
using bus::testing_support::kPatience;
using bus::testing_support::on_shard;

/// One host's connection to the MemoryBus that all share.
class FaultyBus final : public bus::Bus {
 public:
  explicit FaultyBus(bus::MemoryBus& lattice) : lattice_(lattice) {}

  void disconnect() { state_->set_state(bus::BusState::disconnected); }
  void connect() { state_->set_state(bus::BusState::connected); }
  /// The wire is cut: neither side notices, and the server goes on sending.
  void cut() { *is_cut_ = true; }
  void mend() { *is_cut_ = false; }
  std::atomic<std::size_t> max_payload{std::size_t{1} << 20};

  [[nodiscard]] bus::BusInfo info() const override {
    return {.url = "memory:", .jetstream_domain = {}, .max_payload = max_payload};
  }
  [[nodiscard]] bus::BusState state() const noexcept override { return state_->state(); }
  std::unique_ptr<bus::Subscription> on_state(async::Shard& shard,
                                              std::function<void(bus::BusState)> handler) override {
    return state_->on_state(shard, std::move(handler));
  }
  [[nodiscard]] std::uint64_t dropped() const noexcept override { return lattice_.dropped(); }
  Result<void> publish(bus::Message message) override {
    if (state() != bus::BusState::connected) return Error(Errc::unavailable, "cut off");
    // As a server counts it.
    if (message.payload.size() + header_bytes(message.headers) > max_payload) {
      return Error(Errc::resource_exhausted, "the message is too large");
    }
    return *is_cut_ ? Result<void>() : lattice_.publish(std::move(message));
  }
  async::Task<bus::Message> request(bus::Message message, std::chrono::milliseconds timeout) override {
    return lattice_.request(std::move(message), timeout);
  }
  Result<std::unique_ptr<bus::Subscription>> subscribe(async::Shard& shard, std::string subject,
                                                       bus::SubscribeOptions options,
                                                       bus::MessageHandler handler) override {
    return lattice_.subscribe(shard, std::move(subject), std::move(options),
                              [is_cut = is_cut_, handler = std::move(handler)](bus::Message message) mutable {
                                if (!*is_cut) handler(std::move(message));
                              });
  }
  std::string new_inbox() override { return lattice_.new_inbox(); }
  async::Task<void> flush(std::chrono::milliseconds timeout) override { return lattice_.flush(timeout); }
  async::Task<std::shared_ptr<bus::KeyValue>> open_bucket(std::string name) override {
    return lattice_.open_bucket(std::move(name));
  }
  async::Task<void> drain(std::chrono::milliseconds timeout) override { return lattice_.drain(timeout); }

 private:
  bus::MemoryBus& lattice_;
  std::shared_ptr<std::atomic<bool>> is_cut_ = std::make_shared<std::atomic<bool>>(false);
  std::shared_ptr<bus::LocalDispatch> state_ = std::make_shared<bus::LocalDispatch>(bus::BusState::connected);
};

class Host {
 public:
  Host(bus::MemoryBus& lattice, async::Shard& control, EndpointConfig config, std::size_t shards = 2)
      : bus(lattice), control_(control), shards_(shards), endpoint(bus, shards_, std::move(config)), ingress(endpoint) {
    EXPECT_TRUE(wait(endpoint.open()));
  }
  ~Host() {
    close();
    shards_.stop();
  }
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  Result<void> wait(async::Task<void> task) { return async::run_on_shard_and_wait(control_, std::move(task)); }
  void serve(std::shared_ptr<dispatch::Target> target) { EXPECT_TRUE(wait(ingress.serve(std::move(target)))); }
  void withdraw(std::string id) { EXPECT_TRUE(wait(ingress.withdraw(std::move(id)))); }
  void close() {
    EXPECT_TRUE(wait(ingress.close()));
    EXPECT_TRUE(wait(endpoint.close()));
  }
  async::Shard& shard(std::size_t index = 0) { return shards_.at(index); }
  /// Calls that are under way here, out and in.
  std::size_t calls() {
    std::size_t count = 0;
    for (std::size_t index = 0; index < shards_.size(); ++index) {
      on_shard(shard(index), [&] { count += endpoint.at(shard(index)).size(); });
    }
    return count;
  }

  FaultyBus bus;

 private:
  async::Shard& control_;
  async::ShardPool shards_;

 public:
  Endpoint endpoint;
  Ingress ingress;
};

/// Answers "id:params", now, in the next turn, when it is told to, or with an error.
class FakeTarget final : public dispatch::Target {
 public:
  enum class Answer : std::uint8_t { at_once, later, on_release, failure };
  struct Seen {
    std::string interface, function, params, source, link_name, trace_parent, trace_state;
    std::uint32_t depth;
    bool has_deadline;
  };

  FakeTarget(std::string id, Answer answer) : id_(std::move(id)), answer_(answer) {}

  [[nodiscard]] const std::string& id() const noexcept override { return id_; }
  [[nodiscard]] std::vector<dispatch::FunctionName> functions() const override { return names; }
  [[nodiscard]] web::Handler* http() noexcept override { return handler; }
  std::unique_ptr<dispatch::PendingCall> invoke(async::Shard& shard, const dispatch::Invocation& call,
                                                dispatch::CallHandler& caller) override {
    const auto text = [](std::string_view view) { return std::string(view); };
    const std::string params(reinterpret_cast<const char*>(call.params.data()), call.params.size());
    Seen now{.interface = text(call.interface),
             .function = text(call.function),
             .params = params,
             .source = text(call.context.source),
             .link_name = text(call.context.link_name),
             .trace_parent = text(call.context.trace_parent),
             .trace_state = text(call.context.trace_state),
             .depth = call.context.depth,
             .has_deadline = call.context.deadline != std::chrono::steady_clock::time_point::max()};
    const std::string results = id_ + ":" + (results_size ? std::string(*results_size, 'r') : params);
    if (answer_ != Answer::on_release) seen.add(now);
    switch (answer_) {
      case Answer::at_once:
        caller.on_results(bytes_of(results));
        return nullptr;
      case Answer::failure:
        caller.on_error(Error(Errc::trap, "it trapped", "look at it", Blame::guest));
        return nullptr;
      case Answer::later:
      case Answer::on_release:
        break;
    }
    auto told = std::make_shared<Told>(Told{.handler = &caller, .results = results});
    const auto tell = [&shard, told] {
      shard.post([told]() noexcept {
        if (auto* const who = std::exchange(told->handler, nullptr)) who->on_results(bytes_of(told->results));
      });
    };
    if (answer_ == Answer::later) {
      tell();
    } else {
      const std::lock_guard lock(mutex_);
      held_.emplace_back(tell);
      seen.add(std::move(now));  // who sees it may release it
    }
    return std::make_unique<Pending>(std::move(told), cancelled);
  }

  /// Answers what waits.
  void release() {
    std::vector<std::function<void()>> held;
    {
      const std::lock_guard lock(mutex_);
      held.swap(held_);
    }
    for (const auto& tell : held) tell();
  }

  std::vector<dispatch::FunctionName> names{{.interface = "acme:a/b@1.0.0", .function = "get"}};
  std::optional<std::size_t> results_size;
  web::Handler* handler = nullptr;
  Collected<Seen> seen;
  std::atomic<int> cancelled{0};

 private:
  struct Told {
    dispatch::CallHandler* handler;
    std::string results;
  };
  class Pending final : public dispatch::PendingCall {
   public:
    Pending(std::shared_ptr<Told> told, std::atomic<int>& cancelled) : told_(std::move(told)), cancelled_(cancelled) {}
    ~Pending() override {
      if (std::exchange(told_->handler, nullptr) != nullptr) ++cancelled_;
    }
    Pending(const Pending&) = delete;
    Pending& operator=(const Pending&) = delete;

   private:
    std::shared_ptr<Told> told_;
    std::atomic<int>& cancelled_;
  };

  std::string id_;
  Answer answer_;
  std::mutex mutex_;
  std::vector<std::function<void()>> held_;
};

/// One call of a target, from a shard. Destroying it cancels.
class TestCall final : public dispatch::CallHandler {
 public:
  TestCall(async::Shard& shard, dispatch::Target& target, std::string params = "abc",
           dispatch::CallContext context = {}, std::string function = "get")
      : shard_(shard) {
    on_shard(shard_, [&] {
      pending_ = target.invoke(
          shard_, {.interface = "acme:a/b@1.0.0", .function = function, .params = bytes_of(params), .context = context},
          *this);
    });
  }
  ~TestCall() { cancel(); }
  TestCall(const TestCall&) = delete;
  TestCall& operator=(const TestCall&) = delete;

  void cancel() {
    on_shard(shard_, [this] { pending_.reset(); });
  }
  /// "results" or "code: message".
  std::string wait() {
    if (future_.wait_for(kPatience) != std::future_status::ready) return "(nothing)";
    return future_.get();
  }
  void on_results(std::span<const std::byte> results) override {
    pending_.reset();
    promise_.set_value(std::string(reinterpret_cast<const char*>(results.data()), results.size()));
  }
  void on_error(Error error) override {
    pending_.reset();
    promise_.set_value(std::string(to_string(error.code())) + ": " + error.message());
  }

 private:
  async::Shard& shard_;
  std::promise<std::string> promise_;
  std::future<std::string> future_ = promise_.get_future();
  std::unique_ptr<dispatch::PendingCall> pending_;
};

class LatticeTest : public testing::Test {
 protected:
  void SetUp() override { control_.start(); }
  void TearDown() override {
    hang_up();
    here_.reset();
    there_.reset();
    third_.reset();
    EXPECT_EQ(control_.failures(), 0U);
    control_.stop();
  }

  static EndpointConfig config() { return {.lattice = "test"}; }
  void start(EndpointConfig here = config(), EndpointConfig there = config(), std::size_t shards_there = 2) {
    here_ = std::make_unique<Host>(lattice_, control_, std::move(here));
    there_ = std::make_unique<Host>(lattice_, control_, std::move(there), shards_there);
  }
  std::shared_ptr<FakeTarget> serve(FakeTarget::Answer answer, const std::string& id = "x") {
    auto target = std::make_shared<FakeTarget>(id, answer);
    there_->serve(target);
    return target;
  }
  /// Nothing is left of any call.
  void expect_idle() {
    EXPECT_TRUE(eventually([this] { return here_->calls() == 0 && there_->calls() == 0; }))
        << here_->calls() << " here, " << there_->calls() << " there";
  }

  // ---- a peer that is no weft host ----

  void listen(const std::string& pattern, std::function<void(bus::Message)> handler) {
    auto made = lattice_.subscribe(control_, pattern, {}, std::move(handler));
    ASSERT_TRUE(made);
    peers_.push_back(*std::move(made));
  }
  /// Nobody listens any more: for what listeners refer to.
  void hang_up() {
    on_shard(control_, [this] { peers_.clear(); });
  }
  void say(const std::string& subject, std::string payload = {}, const std::string& reply = {},
           std::vector<bus::MessageHeader> headers = {}) {
    EXPECT_TRUE(lattice_.publish(
        {.subject = subject, .reply = reply, .headers = std::move(headers), .payload = std::move(payload)}));
  }
  /// Everything that comes to the peer's inbox "raw.n" and below.
  void collect_answers() {
    listen("raw.>", [this](bus::Message message) { answers_.add(std::move(message)); });
  }
  /// The inbox of who accepts the call number `index` of this peer.
  std::string accepted(std::size_t index = 0) {
    const auto inbox = "raw." + std::to_string(index);
    std::string found;
    EXPECT_TRUE(eventually([&] {
      for (const auto& message : answers_.now()) {
        if (message.subject == inbox && !message.reply.empty()) found = message.reply;
      }
      return !found.empty();
    })) << "nobody accepted "
        << index;
    return found;
  }
  /// All of a channel up to its end; "(nothing)" if that does not come.
  std::string channel(const std::string& subject) {
    std::optional<std::string> whole;
    (void)eventually([&] {
      std::string data;
      for (const auto& message : answers_.now()) {
        if (message.subject != subject) continue;
        if (message.payload.empty()) {
          whole = data;
          return true;
        }
        data += message.payload;
      }
      return false;
    });
    return whole.value_or("(nothing)");
  }

  bus::MemoryBus lattice_;
  async::Shard control_{99};
  std::unique_ptr<Host> here_;
  std::unique_ptr<Host> there_;
  std::unique_ptr<Host> third_;
  std::vector<std::unique_ptr<bus::Subscription>> peers_;
  Collected<bus::Message> answers_;
};

}  // namespace weft::wrpc::testing_support
