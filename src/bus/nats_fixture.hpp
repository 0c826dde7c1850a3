// SPDX-License-Identifier: Apache-2.0
/// For tests: a NATS server, a shard, and clients of the one on the other. Threads: the test's own.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "async/shard_call.hpp"
#include "async/task_scope.hpp"
#include "bus/nats_bus.hpp"
#include "bus/test_wait.hpp"
#include "support/nats_server.hpp"

namespace weft::bus::testing_support {

using namespace std::chrono_literals;

/// Ends the test visibly when there is no server; a test on top of it says what server it wants.
class NatsTest : public testing::Test {
 protected:
  void SetUp() override { shard_.start(); }
  void TearDown() override {
    end_subscriptions();
    EXPECT_EQ(shard_.failures(), 0U);
    shard_.stop();
  }

  void start_server(test::NatsServerOptions options = {}) {
    server_ = test::NatsServer::start(std::move(options));
    if (!server_) GTEST_SKIP() << test::NatsServer::why_not();
  }
  [[nodiscard]] NatsOptions options() {
    NatsOptions made;
    made.urls = {server_->url()};
    made.watch_heartbeat = 200ms;
    made.log = [this](LogLevel level, std::string_view line) {
      log_.add((level == LogLevel::info ? "info " : "warning ") + std::string(line));
    };
    return made;
  }
  std::unique_ptr<NatsBus> connect(NatsOptions with) {
    auto bus = NatsBus::connect(std::move(with));
    EXPECT_TRUE(bus) << bus.error().to_string() << '\n' << server_->log();
    return bus ? *std::move(bus) : nullptr;
  }
  std::unique_ptr<NatsBus> connect() { return connect(options()); }

  void end_subscriptions() {
    on_shard(shard_, [this] { subscriptions_.clear(); });
  }
  /// Declared after what the subscriptions of a test write to and the bus they are of.
  struct Ending {
    explicit Ending(NatsTest& which) : test(which) {}
    ~Ending() { test.end_subscriptions(); }
    Ending(const Ending&) = delete;
    Ending& operator=(const Ending&) = delete;
    NatsTest& test;
  };

  template <class T>
  Result<T> wait(async::Task<T> task) {
    return async::run_on_shard_and_wait(shard_, std::move(task));
  }
  static Message message(std::string subject, std::string payload = {}) {
    return {.subject = std::move(subject), .reply = {}, .headers = {}, .payload = std::move(payload)};
  }
  void keep(Result<std::unique_ptr<Subscription>> subscription) {
    ASSERT_TRUE(subscription) << subscription.error().to_string();
    subscriptions_.push_back(*std::move(subscription));
  }
  void collect(Bus& bus, const std::string& pattern, Collected<Message>& into, SubscribeOptions with = {}) {
    keep(bus.subscribe(shard_, pattern, std::move(with), [&into](Message got) { into.add(std::move(got)); }));
    ASSERT_TRUE(wait(bus.flush(10s)));
  }
  void echo(Bus& bus, const std::string& pattern) {
    keep(bus.subscribe(shard_, pattern, {}, [&bus](const Message& got) {
      EXPECT_TRUE(bus.publish({.subject = got.reply, .reply = {}, .headers = got.headers, .payload = got.payload}));
    }));
    ASSERT_TRUE(wait(bus.flush(10s)));
  }

  std::unique_ptr<test::NatsServer> server_;
  async::Shard shard_{0};
  Collected<std::string> log_;
  std::vector<std::unique_ptr<Subscription>> subscriptions_;
};

}  // namespace weft::bus::testing_support
