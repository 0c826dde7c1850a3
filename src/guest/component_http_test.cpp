// SPDX-License-Identifier: Apache-2.0
/// HTTP requests to a component that is a target: its guests call over links, share the permits, and end with it.
#include <fmt/format.h>

#include <thread>

#include "async/on_shard.hpp"
#include "guest/component_target_fixture.hpp"

namespace weft::guest {
namespace {

/// A request without a body from the test's thread, and what became of it.
class Request final : public web::Exchange {
 public:
  Request(async::Shard& shard, ComponentTarget& target, std::string path, std::string trace_parent = {})
      : shard_(shard), path_(std::move(path)), trace_parent_(std::move(trace_parent)) {
    head_.method = "GET";
    head_.scheme = "http";
    head_.authority = "test";
    head_.path_and_query = path_;
    if (!trace_parent_.empty()) head_.headers.push_back({"traceparent", trace_parent_});
    run([this, &target] {
      responder_ = target.http()->on_request(*this);
      responder_->start();
    });
  }
  ~Request() override {
    run([this] { responder_.reset(); });
  }
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;

  /// The body, or the status that the failure was told with.
  std::string wait() {
    if (answer_.wait_for(kPatience) != std::future_status::ready) return "(nothing)";
    return answer_.get();
  }
  void disconnect() {
    run([this] {
      responder_->on_disconnect();
      responder_.reset();
    });
  }

  [[nodiscard]] const web::RequestHead& request() const noexcept override { return head_; }
  [[nodiscard]] async::Shard& shard() noexcept override { return shard_; }
  [[nodiscard]] std::string id() const override { return "1"; }
  void read_body() override {}
  bool send_head(web::ResponseHead head) override {
    status_ = head.status;
    return true;
  }
  void send_body(std::span<const std::byte> piece) override {
    body_.append(reinterpret_cast<const char*>(piece.data()), piece.size());
    shard_.post([this]() noexcept {
      if (responder_) responder_->on_writable();
    });
  }
  void finish(std::span<const web::Header> /*trailers*/) override { over(fmt::format("{} {}", status_, body_)); }
  void respond(unsigned status, std::span<const web::Header> /*headers*/, std::string_view body) override {
    over(fmt::format("{} {}", status, body));
  }
  void fail(unsigned status, std::string_view reason) override { over(fmt::format("{} {}", status, reason)); }

 private:
  template <class Work>
  void run(Work work) {
    async::on_shard(shard_, work);
  }
  void over(std::string answer) {
    // Later, as a session does; and told there, because the test may destroy this as soon as it knows.
    shard_.post([this, answer = std::move(answer)]() mutable noexcept {
      responder_.reset();
      promise_.set_value(std::move(answer));
    });
  }

  async::Shard& shard_;
  std::string path_, trace_parent_;
  web::RequestHead head_;
  std::unique_ptr<web::Responder> responder_;
  unsigned status_ = 0;
  std::string body_;
  std::promise<std::string> promise_;
  std::future<std::string> answer_ = promise_.get_future();
};

class ComponentHttpTest : public ComponentTargetTest {
 protected:
  ComponentTarget& start_web(ComponentTargetConfig config = {}, const Limits& limits = {}) {
    auto& web = start("web", "relay-http", std::move(config), limits);
    table.set_target("slow", slow);
    return web;
  }
  std::string get(ComponentTarget& target, std::string path) {
    return Request(shards.at(0), target, std::move(path)).wait();
  }

  std::shared_ptr<ManualTarget> slow = std::make_shared<ManualTarget>("slow");
};

TEST_F(ComponentHttpTest, a_request_calls_over_links) {
  auto& web = start_web();
  start("b", "relay");
  link("web", "b");
  EXPECT_EQ(get(web, "/say_hello"), "200 hello");
  EXPECT_EQ(components["b"]->http(), nullptr);
}

TEST_F(ComponentHttpTest, a_requests_trace_goes_on_with_its_calls) {
  auto& web = start_web();
  slow->answer_at_once(encoded("x"));
  link("web", "slow");
  const std::string trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  EXPECT_EQ(Request(shards.at(1), web, "/x", trace).wait(), "200 x");
  EXPECT_EQ(slow->asked().at(0).trace_parent, trace);
  EXPECT_EQ(slow->asked().at(0).depth, 1);
}

TEST_F(ComponentHttpTest, failed_calls_have_their_status) {
  auto& web = start_web();
  start("b", "relay");
  link("web", "b");
  EXPECT_EQ(get(web, "/trap"), "500 the guest failed");
  link("b", "b");
  EXPECT_EQ(get(web, "/loop"), "508 calls are nested too deep");
}

TEST_F(ComponentHttpTest, a_guest_that_computes_for_too_long_is_a_timeout) {
  auto& web = start_web({}, {.timeout = std::chrono::milliseconds(200)});
  start("b", "relay");
  link("web", "b");
  EXPECT_EQ(get(web, "/spin"), "504 the guest took too long");
}

TEST_F(ComponentHttpTest, requests_wait_for_their_turn_like_other_calls) {
  auto& web = start_web({.max_instances = 1, .max_queued = 1});
  link("web", "slow");
  Request first(shards.at(0), web, "/1");
  Request second(shards.at(1), web, "/2");
  Request third(shards.at(1), web, "/3");
  EXPECT_EQ(third.wait(), "503 the component has as many calls as it may have");
  EXPECT_EQ(web.stats().running, 1);
  EXPECT_EQ(web.stats().queued, 1);
  ASSERT_TRUE(slow->has_waiting(1));
  slow->answer(encoded("one"));
  EXPECT_EQ(first.wait(), "200 one");
  ASSERT_TRUE(eventually([&] { return slow->asked().size() == 2; }));
  slow->answer(encoded("two"));
  EXPECT_EQ(second.wait(), "200 two");
  EXPECT_TRUE(eventually([&] { return web.stats().running == 0; }));
}

TEST_F(ComponentHttpTest, a_client_that_leaves_cancels_its_calls) {
  auto& web = start_web({.max_instances = 1});
  link("web", "slow");
  Request first(shards.at(0), web, "/1");
  Request second(shards.at(0), web, "/2");
  ASSERT_TRUE(slow->has_waiting(1));
  second.disconnect();
  EXPECT_EQ(web.stats().queued, 0);
  first.disconnect();
  EXPECT_TRUE(slow->has_waiting(0));
  EXPECT_TRUE(eventually([&] { return web.stats().running == 0; }));
}

TEST_F(ComponentHttpTest, a_component_that_goes_answers_those_who_wait) {
  auto& web = start_web({.max_instances = 1});
  link("web", "slow");
  Request running(shards.at(0), web, "/1");
  Request waiting(shards.at(1), web, "/2");
  ASSERT_TRUE(slow->has_waiting(1));
  web.close(std::chrono::milliseconds(10));
  EXPECT_EQ(running.wait(), "503 the component is being stopped");
  EXPECT_EQ(waiting.wait(), "503 the component is being stopped");
  EXPECT_TRUE(slow->has_waiting(0));
  EXPECT_EQ(get(web, "/3"), "503 the component is being stopped");
}

}  // namespace
}  // namespace weft::guest
