// SPDX-License-Identifier: Apache-2.0
#include "host/spy/tapped_target.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <optional>

#include "async/shard_call.hpp"
#include "bus/test_wait.hpp"

namespace weft::host {
namespace {

using bus::testing_support::Collected;
using bus::testing_support::on_shard;
using testing::HasSubstr;

std::span<const std::byte> bytes(const std::string& text) { return std::as_bytes(std::span(text)); }
std::string text(const SeenValues& values) {
  return {reinterpret_cast<const char*>(values.bytes.data()), values.bytes.size()};
}

/// Answers as its calls' function says: "echo" and "fail" at once, anything else never.
class ScriptedTarget final : public dispatch::Target, public web::Handler {
 public:
  class Pending final : public dispatch::PendingCall {};

  [[nodiscard]] const std::string& id() const noexcept override { return id_; }
  std::unique_ptr<dispatch::PendingCall> invoke(async::Shard& /*shard*/, const dispatch::Invocation& invocation,
                                                dispatch::CallHandler& handler) override {
    told = &handler;
    if (invocation.function == "echo") {
      handler.on_results(invocation.params);
    } else if (invocation.function == "fail") {
      handler.on_error(Error(Errc::trap, "it is broken"));
    } else {
      return std::make_unique<Pending>();
    }
    return nullptr;
  }
  web::Handler* http() noexcept override { return this; }
  std::unique_ptr<web::Responder> on_request(web::Exchange& exchange) override {
    asked = &exchange;
    return std::make_unique<Responder>(exchange);
  }

  dispatch::CallHandler* told = nullptr;
  web::Exchange* asked = nullptr;

 private:
  /// Answers 201 with five bytes, unless the path says otherwise.
  class Responder final : public web::Responder {
   public:
    explicit Responder(web::Exchange& exchange) : exchange_(exchange) {}
    void start() override {
      if (exchange_.request().path_and_query == "/fail") {
        exchange_.fail(503, "no room");
      } else if (exchange_.request().path_and_query != "/silence") {
        exchange_.send_head({.status = 201, .headers = {}});
        exchange_.send_body(bytes("hello"));
        exchange_.finish();
      }
    }
    void on_body(std::span<const std::byte> /*piece*/) override {}
    void on_body_end(std::span<const web::HeaderView> /*trailers*/) override {}
    void on_writable() override {}
    void on_disconnect() override {}

   private:
    web::Exchange& exchange_;
  };

  std::string id_ = "cart";
};

class Handler final : public dispatch::CallHandler {
 public:
  void on_results(std::span<const std::byte> results) override {
    answer = std::string(reinterpret_cast<const char*>(results.data()), results.size());
  }
  void on_error(Error error) override { answer = error.message(); }
  std::optional<std::string> answer;
};

class FakeExchange final : public web::Exchange {
 public:
  FakeExchange(async::Shard& shard, std::string_view path) : shard_(shard) {
    head_.method = "GET";
    head_.authority = "shop.example";
    head_.path_and_query = path;
  }
  [[nodiscard]] const web::RequestHead& request() const noexcept override { return head_; }
  [[nodiscard]] async::Shard& shard() noexcept override { return shard_; }
  [[nodiscard]] std::string id() const override { return "1"; }
  [[nodiscard]] web::HttpCaller caller() const noexcept override { return {.source = "web", .link_name = "default"}; }
  void read_body() override {}
  bool send_head(web::ResponseHead head) override {
    status = head.status;
    return true;
  }
  void send_body(std::span<const std::byte> piece) override { sent += piece.size(); }
  void finish(std::span<const web::Header> /*trailers*/) override { is_finished = true; }
  void respond(unsigned given, std::span<const web::Header> /*headers*/, std::string_view /*body*/) override {
    status = given;
  }
  void fail(unsigned given, std::string_view /*reason*/) override { status = given; }

  unsigned status = 0;
  std::size_t sent = 0;
  bool is_finished = false;

 private:
  async::Shard& shard_;
  web::RequestHead head_;
};

class TappedTargetTest : public testing::Test {
 protected:
  TappedTargetTest() { control_.start(); }
  ~TappedTargetTest() override {
    EXPECT_TRUE(async::run_on_shard_and_wait(control_, tap_.close()));
    shards_.stop();
    control_.stop();
  }

  void watch(CallFilter filter = {}, std::size_t max_bytes = 100) {
    auto settings = std::make_shared<TapSettings>();
    settings->wanted.push_back(std::move(filter));
    settings->max_bytes = max_bytes;
    ASSERT_TRUE(async::run_on_shard_and_wait(control_, tap_.set(std::move(settings))));
  }
  void watch_no_more() { ASSERT_TRUE(async::run_on_shard_and_wait(control_, tap_.set(nullptr))); }
  void call(Handler& handler, const std::string& function, const std::string& params) {
    on_shard(shards_.at(0), [&] {
      pending_ = target_.invoke(shards_.at(0),
                                {.interface = "shop:cart/api",
                                 .function = function,
                                 .params = bytes(params),
                                 .context = {.source = "shop", .link_name = "default"}},
                                handler);
    });
  }
  void end_call() {
    on_shard(shards_.at(0), [this] { pending_.reset(); });
  }

  async::ShardPool shards_{1};
  async::Shard control_{7};
  Collected<SeenCall> seen_;
  CallTap tap_{control_, shards_, [this](std::vector<SeenCall> calls) {
                 for (auto& call : calls) seen_.add(std::move(call));
               }};
  std::shared_ptr<ScriptedTarget> script_ = std::make_shared<ScriptedTarget>();
  TappedTarget target_{tap_, script_, wire::CallWay::in};
  std::unique_ptr<dispatch::PendingCall> pending_;
};

TEST_F(TappedTargetTest, while_nobody_watches_a_call_passes_as_it_is) {
  Handler handler;
  call(handler, "echo", "four");
  EXPECT_EQ(handler.answer, "four");
  EXPECT_EQ(script_->told, &handler) << "the callee knows its caller";
  watch();
  watch_no_more();
  call(handler, "echo", "four");
  EXPECT_EQ(script_->told, &handler);
  FakeExchange exchange(shards_.at(0), "/");
  on_shard(shards_.at(0), [&] { (void)target_.http()->on_request(exchange); });
  EXPECT_EQ(script_->asked, &exchange);
  EXPECT_EQ(seen_.size(), 0U);
}

TEST_F(TappedTargetTest, a_watched_call_is_told_and_is_the_same_call) {
  watch();
  Handler handler;
  call(handler, "echo", "four");
  EXPECT_EQ(handler.answer, "four");
  EXPECT_EQ(pending_, nullptr) << "it was over before invoke() returned";
  const auto calls = seen_.wait_for(1);
  ASSERT_EQ(calls.size(), 1U);
  const auto& seen = calls.front();
  EXPECT_EQ(seen.source + " " + seen.link_name + " " + seen.target + " " + seen.interface + " " + seen.function,
            "shop default cart shop:cart/api echo");
  EXPECT_EQ(seen.way, wire::CallWay::in);
  EXPECT_EQ(text(seen.params), "four");
  EXPECT_EQ(text(seen.results), "four");
  EXPECT_EQ(seen.error, "");
  EXPECT_FALSE(seen.params.is_cut());
}

TEST_F(TappedTargetTest, failures_and_calls_that_are_given_up_are_told) {
  watch();
  Handler handler;
  call(handler, "fail", "");
  EXPECT_EQ(handler.answer, "it is broken");
  call(handler, "wait", "");
  EXPECT_NE(pending_, nullptr);
  EXPECT_EQ(seen_.wait_for(1).size(), 1U) << "the second has not ended";
  end_call();
  const auto calls = seen_.wait_for(2);
  ASSERT_EQ(calls.size(), 2U);
  EXPECT_THAT(calls[0].error, HasSubstr("it is broken"));
  EXPECT_THAT(calls[1].error, HasSubstr("given it up"));
}

TEST_F(TappedTargetTest, values_are_kept_up_to_the_limit) {
  watch({}, 3);
  Handler handler;
  call(handler, "echo", "abc");
  call(handler, "echo", "abcd");
  EXPECT_EQ(handler.answer, "abcd");
  const auto calls = seen_.wait_for(2);
  ASSERT_EQ(calls.size(), 2U);
  EXPECT_FALSE(calls[0].params.is_cut());
  EXPECT_TRUE(calls[1].params.is_cut());
  EXPECT_EQ(text(calls[1].results), "abc");
  EXPECT_EQ(calls[1].results.size, 4U);
}

TEST_F(TappedTargetTest, what_nobody_wants_to_see_is_not_told) {
  for (const auto& other : {CallFilter{.component = "car", .interface = {}, .function = {}},
                            CallFilter{.component = {}, .interface = "keyvalue", .function = {}},
                            CallFilter{.component = {}, .interface = {}, .function = "add"}}) {
    watch(other);
    Handler handler;
    call(handler, "echo", "not this");
    EXPECT_EQ(script_->told, &handler);
  }
  for (const auto& mine : {CallFilter{.component = "cart", .interface = {}, .function = {}},
                           CallFilter{.component = "shop", .interface = {}, .function = {}},
                           CallFilter{.component = {}, .interface = "cart", .function = "ech"}}) {
    watch(mine);
    Handler handler;
    call(handler, "echo", "this");
  }
  EXPECT_EQ(seen_.wait_for(3).size(), 3U);
  for (const auto& seen : seen_.now()) {
    EXPECT_EQ(text(seen.params), "this");
  }
}

TEST_F(TappedTargetTest, requests_are_told_with_their_status) {
  watch();
  for (const std::string_view path : {"/cart", "/fail", "/silence"}) {
    on_shard(shards_.at(0), [&] {
      FakeExchange exchange(shards_.at(0), path);
      const auto responder = target_.http()->on_request(exchange);
      ASSERT_NE(responder, nullptr);
      responder->start();
      responder->on_body(bytes("abc"));
      if (path == "/cart") {
        EXPECT_EQ(exchange.status, 201U);
        EXPECT_EQ(exchange.sent, 5U);
        EXPECT_TRUE(exchange.is_finished);
      }
      responder->on_disconnect();
    });
  }
  const auto calls = seen_.wait_for(3);
  ASSERT_EQ(calls.size(), 3U);
  EXPECT_EQ(calls[0].http,
            (wire::SpiedHttp{.method = "GET", .authority = "shop.example", .path = "/cart", .status = 201}));
  EXPECT_EQ(calls[0].source + " " + calls[0].interface, "web wasi:http/incoming-handler");
  EXPECT_EQ(calls[0].results.size, 5U);
  EXPECT_EQ(calls[0].error, "");
  EXPECT_EQ(calls[1].http->status, 503);
  EXPECT_EQ(calls[1].error, "no room");
  EXPECT_EQ(calls[2].http->status, 0);
  EXPECT_EQ(calls[2].params.size, 3U);
  EXPECT_THAT(calls[2].error, HasSubstr("client has left"));
}

TEST_F(TappedTargetTest, what_the_control_shard_does_not_take_in_time_is_dropped_and_counted) {
  watch({}, std::size_t{1} << 20);
  std::promise<void> go_on;
  control_.post([going = go_on.get_future().share()]() noexcept { going.wait(); });
  const std::string mebibyte(std::size_t{1} << 20, 'x');
  constexpr std::size_t kCalls = 20;
  for (std::size_t count = 0; count < kCalls; ++count) {
    Handler handler;
    call(handler, "echo", mebibyte);
    EXPECT_EQ(handler.answer->size(), mebibyte.size());
  }
  const auto dropped = tap_.dropped();
  // Two of these values are in each call.
  EXPECT_GT(dropped, kCalls - CallTap::kMaxWaitingBytes / (2 * mebibyte.size()) - 1);
  EXPECT_LT(dropped, kCalls);
  go_on.set_value();
  EXPECT_EQ(seen_.wait_for(kCalls - dropped).size(), kCalls - dropped);
  Handler handler;
  call(handler, "echo", mebibyte);
  EXPECT_EQ(seen_.wait_for(kCalls - dropped + 1).size(), kCalls - dropped + 1) << "there is room again";
}

TEST_F(TappedTargetTest, a_call_that_outlives_the_watch_tells_nobody) {
  watch();
  Handler handler;
  call(handler, "wait", "");
  watch_no_more();
  end_call();
  watch();
  call(handler, "echo", "later");
  const auto calls = seen_.wait_for(1);
  ASSERT_EQ(calls.size(), 1U);
  EXPECT_EQ(calls[0].function, "echo");
}

}  // namespace
}  // namespace weft::host
