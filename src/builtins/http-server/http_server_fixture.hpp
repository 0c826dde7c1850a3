// SPDX-License-Identifier: Apache-2.0
/// For the tests of http-server over real sockets: components that are a web::Handler each, a dispatcher that leads to
/// them, and the provider in between.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "async/shard_call.hpp"
#include "builtins/http-server/http_server.hpp"
#include "dispatch/dispatcher.hpp"
#include "web/http1_fixture.hpp"

namespace weft::builtins::test {

using namespace std::chrono_literals;
using web::test::Client;
using web::test::kPatience;

/// Requests that wait for the test.
class Gate {
 public:
  void enter(web::Exchange& exchange) {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(&exchange);
    changed_.notify_all();
  }
  void leave(const web::Exchange& exchange) {
    const std::lock_guard lock(mutex_);
    std::erase(waiting_, &exchange);
  }
  void count_disconnect() {
    const std::lock_guard lock(mutex_);
    ++disconnects_;
    changed_.notify_all();
  }
  [[nodiscard]] bool wait_for(std::size_t waiting, int disconnects = 0) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPatience,
                             [&] { return waiting_.size() >= waiting && disconnects_ >= disconnects; });
  }
  /// Answers all of them, each on its shard.
  void open(const std::string& text) {
    std::vector<std::pair<async::Shard*, web::Exchange*>> found;
    {
      const std::lock_guard lock(mutex_);
      for (auto* const exchange : waiting_) found.emplace_back(&exchange->shard(), exchange);
    }
    for (const auto& [shard, exchange] : found) {
      shard->post([this, exchange, text]() noexcept {
        if (is_waiting(exchange)) exchange->respond(200, {}, text);
      });
    }
  }

 private:
  [[nodiscard]] bool is_waiting(const web::Exchange* exchange) {
    const std::lock_guard lock(mutex_);
    return std::ranges::find(waiting_, exchange) != waiting_.end();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<web::Exchange*> waiting_;
  int disconnects_ = 0;
};

/// Answers by the query: nothing tells who and what was asked; hold, echo, fail, fault, head (and then nothing).
class FakeResponder final : public web::Responder {
 public:
  FakeResponder(web::Exchange& exchange, Gate& gate, const std::string& id)
      : exchange_(exchange), gate_(gate), id_(id) {}
  FakeResponder(const FakeResponder&) = delete;
  FakeResponder& operator=(const FakeResponder&) = delete;
  ~FakeResponder() override { gate_.leave(exchange_); }

  void start() override {
    const auto& request = exchange_.request();
    const auto query =
        request.path_and_query.substr(std::min(request.path_and_query.find('?'), request.path_and_query.size()));
    if (query == "?hold") return gate_.enter(exchange_);
    if (query == "?fail") return exchange_.fail(500, "it trapped");
    if (query == "?fault") return exchange_.fault(web::HttpFault::connection_timeout, "nobody behind it");
    if (query == "?echo" || query == "?head") {
      static_cast<void>(exchange_.send_head({.status = 201, .headers = {{"Access-Control-Allow-Origin", "mine"}}}));
      if (query == "?head") return gate_.enter(exchange_);
      return exchange_.read_body();
    }
    exchange_.respond(200, {}, id_ + " " + std::string(request.authority) + " " + std::string(request.path_and_query));
  }
  void on_body(std::span<const std::byte> piece) override { exchange_.send_body(piece); }
  void on_body_end(std::span<const web::HeaderView> /*trailers*/) override { exchange_.finish(); }
  void on_writable() override { exchange_.read_body(); }
  void on_disconnect() override {
    gate_.leave(exchange_);
    gate_.count_disconnect();
  }

 private:
  web::Exchange& exchange_;
  Gate& gate_;
  std::string id_;
};

class FakeComponent final : public dispatch::Target, public web::Handler {
 public:
  FakeComponent(std::string id, Gate& gate, std::string says)
      : id_(std::move(id)), gate_(gate), says_(std::move(says)) {}
  [[nodiscard]] const std::string& id() const noexcept override { return id_; }
  std::unique_ptr<dispatch::PendingCall> invoke(async::Shard& /*shard*/, const dispatch::Invocation& /*invocation*/,
                                                dispatch::CallHandler& handler) override {
    handler.on_error(Error(Errc::unsupported, "no functions"));
    return nullptr;
  }
  web::Handler* http() noexcept override { return says_.empty() ? nullptr : this; }
  std::unique_ptr<web::Responder> on_request(web::Exchange& exchange) override {
    return std::make_unique<FakeResponder>(exchange, gate_, says_);
  }

 private:
  std::string id_;
  Gate& gate_;
  std::string says_;
};

inline std::uint16_t port_of(const std::string& address) {
  return static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1)));
}

class HttpServerTest : public ::testing::Test {
 protected:
  void TearDown() override {
    if (provider_) provider_->stop(0ms);
    provider_.reset();
  }

  Result<std::unique_ptr<Provider>> make(ConfigMap config, std::string id = "web") {
    ProviderContext context;
    context.id = std::move(id);
    context.config = std::move(config);
    context.shards = &shards_;
    context.dispatcher = &dispatcher_;
    context.log = [this](LogLevel level, std::string_view /*component*/, std::string_view line) {
      const std::lock_guard lock(log_mutex_);
      log_.push_back((level == LogLevel::warning ? "warning: " : "") + std::string(line));
    };
    return make_http_server(std::move(context));
  }

  /// At a port of the system's choosing.
  void start(const std::string& mode, ConfigMap config = {}) {
    config.emplace("routing_mode", mode);
    config.emplace("default_address", "127.0.0.1:0");
    auto made = make(std::move(config));
    ASSERT_TRUE(made) << made.error().to_string();
    provider_ = *std::move(made);
  }

  static ProviderLink link_to(const std::string& component, ConfigMap config, std::string name = "default") {
    return {.source = "web",
            .target = component,
            .name = std::move(name),
            .wit_namespace = "wasi",
            .wit_package = "http",
            .interfaces = {"incoming-handler"},
            .source_config = std::move(config),
            .target_config = {}};
  }

  /// Routes a link name of the provider to a component; `says` empty: one that does not answer HTTP.
  void route(const std::string& link_name, const std::string& component, const std::string& says) {
    routes_[link_name] = {link_name, "wasi:http/incoming-handler", component,
                          std::make_shared<FakeComponent>(component, gate_, says)};
    publish();
  }
  void route_to_nothing(const std::string& link_name, const std::string& component) {
    table_.set_target(component, nullptr);
    routes_[link_name] = {link_name, "wasi:http/incoming-handler", component, nullptr};
    publish();
  }
  void publish() {
    std::vector<dispatch::Route> routes;
    for (const auto& [name, route] : routes_) routes.push_back(route);
    table_.set_routes("web", std::move(routes));
    ASSERT_TRUE(async::run_on_shard_and_wait(shards_.at(0), dispatcher_.publish(table_.snapshot())));
  }

  /// A link and a component that answers with its own id.
  void serve(const std::string& component, ConfigMap config, const std::string& name = "default") {
    route(name, component, component);
    const auto put = provider_->put_link(link_to(component, std::move(config), name));
    ASSERT_TRUE(put) << put.error().to_string();
  }

  std::uint16_t port(std::size_t listener = 0) { return port_of(provider_->addresses().at(listener)); }

  std::string talk(std::string_view bytes, std::uint16_t at) {
    Client client(at);
    EXPECT_TRUE(client.send(bytes));
    return client.receive_all();
  }
  std::string talk(std::string_view bytes) { return talk(bytes, port()); }
  static std::string request(std::string_view method, std::string_view target, std::string_view headers = {}) {
    return std::string(method) + " " + std::string(target) + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" +
           std::string(headers) + "\r\n";
  }
  std::string get(std::string_view target, std::string_view headers = {}) {
    return talk(request("GET", target, headers));
  }
  static std::string status_of(const std::string& answer) { return answer.size() < 12 ? answer : answer.substr(9, 3); }
  static std::string body_of(const std::string& answer) {
    const auto at = answer.find("\r\n\r\n");
    return at == std::string::npos ? "" : answer.substr(at + 4);
  }
  std::vector<std::string> log() {
    const std::lock_guard lock(log_mutex_);
    return log_;
  }
  bool has_logged(const std::string& line) {
    const auto lines = log();
    return std::ranges::find(lines, line) != lines.end();
  }

  Gate gate_;
  std::mutex log_mutex_;
  std::vector<std::string> log_;
  async::ShardPool shards_{2};
  dispatch::Dispatcher dispatcher_{shards_};
  dispatch::RoutingTable table_;
  std::map<std::string, dispatch::Route> routes_;
  std::unique_ptr<Provider> provider_;
};

}  // namespace weft::builtins::test
