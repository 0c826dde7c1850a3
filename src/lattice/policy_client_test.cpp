// SPDX-License-Identifier: Apache-2.0
#include "lattice/policy_client.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "async/shard_call.hpp"
#include "bus/memory_bus.hpp"
#include "bus/test_wait.hpp"

namespace weft::lattice {
namespace {

using namespace std::chrono_literals;
using bus::testing_support::eventually;
using testing::HasSubstr;

wire::PolicyQuestion start_of(const std::string& id) {
  return {.kind = wire::PolicyKind::start_component, .id = id, .image_ref = "shop:1", .annotations = {}, .claims = {}};
}

/// Writes down what changes.
class Listener final : public PolicyListener {
 public:
  void on_changed(const wire::PolicyQuestion& question, const wire::PolicyDecision& decision) override {
    told.push_back(question.id + (decision.permitted ? " yes" : " no"));
  }
  std::vector<std::string> told;
};

class PolicyClientTest : public testing::Test {
 protected:
  PolicyClientTest() {
    shard_.start();
    service_shard_.start();
  }
  ~PolicyClientTest() override {
    if (client_) {
      (void)run(close());
    }
    shard_.stop();
    service_shard_.stop();
    service_.reset();
  }

  template <class T>
  Result<T> run(async::Task<T> task) {
    return async::run_on_shard_and_wait(shard_, std::move(task));
  }
  async::Task<void> close() {
    co_await client_->close();
    client_.reset();
    co_return Result<void>();
  }
  PolicyClient& open(std::chrono::milliseconds timeout = 5s) {
    client_ = std::make_unique<PolicyClient>(
        bus_, shard_, PolicyConfig{.topic = "policy", .changes_topic = "policy.changes", .timeout = timeout},
        wire::PolicyHost{.public_key = "N", .lattice = "default", .labels = {}},
        [this] { return "request-" + std::to_string(++ids_); },
        [this](LogLevel /*level*/, std::string_view /*component*/, std::string_view line) {
          lines_.add(std::string(line));
        });
    bus::testing_support::on_shard(shard_, [this] { EXPECT_TRUE(client_->open()); });
    return *client_;
  }
  /// A service that answers all questions with these bytes.
  void serve(std::string answer) {
    service_ = *bus_.subscribe(service_shard_, "policy", {}, [this, answer](const bus::Message& message) {
      ++asked_;
      (void)bus_.publish({.subject = message.reply, .reply = {}, .headers = {}, .payload = answer});
    });
  }
  void change(const std::string& body) {
    ASSERT_TRUE(bus_.publish({.subject = "policy.changes", .reply = {}, .headers = {}, .payload = body}));
  }

  async::Shard shard_{0};
  async::Shard service_shard_{1};
  bus::MemoryBus bus_;
  std::atomic<int> asked_{0};
  int ids_ = 0;
  bus::testing_support::Collected<std::string> lines_;
  std::unique_ptr<bus::Subscription> service_;
  std::unique_ptr<PolicyClient> client_;
};

TEST_F(PolicyClientTest, what_was_decided_is_not_asked_again) {
  serve(R"({"requestId":"x","permitted":true})");
  auto& client = open();
  EXPECT_TRUE(run(client.permit(start_of("a"))));
  EXPECT_TRUE(run(client.permit(start_of("a"))));
  EXPECT_EQ(asked_, 1);
  EXPECT_TRUE(run(client.permit(start_of("b"))));
  EXPECT_EQ(asked_, 2);
}

TEST_F(PolicyClientTest, a_refusal_says_what_and_why_and_is_kept_too) {
  serve(R"({"requestId":"x","permitted":false,"message":"unsigned workloads only on staging"})");
  auto& client = open();
  for (int round = 0; round < 2; ++round) {
    const auto denied = run(client.permit(start_of("a")));
    ASSERT_FALSE(denied);
    EXPECT_EQ(denied.error().code(), Errc::permission_denied);
    EXPECT_THAT(denied.error().message(), HasSubstr("component a"));
    EXPECT_THAT(denied.error().message(), HasSubstr("unsigned workloads only on staging"));
  }
  EXPECT_EQ(asked_, 1);
}

TEST_F(PolicyClientTest, no_service_is_a_refusal_that_is_asked_again) {
  auto& client = open();
  const auto nobody = run(client.permit(start_of("a")));
  ASSERT_FALSE(nobody);
  EXPECT_EQ(nobody.error().code(), Errc::unavailable);
  EXPECT_THAT(nobody.error().to_string(), HasSubstr("policy service on policy"));
  EXPECT_THAT(nobody.error().to_string(), HasSubstr("--policy-topic"));
  serve(R"({"requestId":"x","permitted":true})");
  EXPECT_TRUE(run(client.permit(start_of("a"))));
}

TEST_F(PolicyClientTest, a_service_that_hangs_is_a_refusal) {
  service_ = *bus_.subscribe(service_shard_, "policy", {}, [](const bus::Message&) {});
  const auto late = run(open(20ms).permit(start_of("a")));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code(), Errc::deadline_exceeded);
}

TEST_F(PolicyClientTest, nonsense_is_a_refusal_that_is_asked_again) {
  serve("yes");
  auto& client = open();
  for (int round = 0; round < 2; ++round) {
    const auto nonsense = run(client.permit(start_of("a")));
    ASSERT_FALSE(nonsense);
    EXPECT_EQ(nonsense.error().code(), Errc::malformed);
  }
  EXPECT_EQ(asked_, 2);
}

TEST_F(PolicyClientTest, who_asks_the_same_at_the_same_time_shares_a_request) {
  bus::testing_support::Collected<bus::Message> questions;
  service_ =
      *bus_.subscribe(service_shard_, "policy", {}, [&](const bus::Message& message) { questions.add(message); });
  auto& client = open();
  std::atomic<int> told = 0;
  bus::testing_support::on_shard(shard_, [&] {
    for (int each = 0; each < 3; ++each) {
      client.decide(start_of("a"), [&](const Result<wire::PolicyDecision>& decision) {
        EXPECT_TRUE(decision && decision->permitted);
        ++told;
      });
    }
  });
  const auto first = questions.wait_for(1);
  ASSERT_EQ(first.size(), 1U);
  ASSERT_TRUE(bus_.publish(
      {.subject = first[0].reply, .reply = {}, .headers = {}, .payload = R"({"requestId":"x","permitted":true})"}));
  EXPECT_TRUE(eventually([&] { return told == 3; }));
  EXPECT_EQ(questions.wait_for(1).size(), 1U);
}

TEST_F(PolicyClientTest, a_change_replaces_the_decision_of_its_request) {
  serve(R"({"requestId":"x","permitted":true})");
  auto& client = open();
  const auto listener = std::make_shared<Listener>();
  bus::testing_support::on_shard(shard_, [&] { client.follow(listener); });
  EXPECT_TRUE(run(client.permit(start_of("a"))));
  change(R"({"requestId":"request-1","permitted":false,"message":"no longer"})");
  EXPECT_TRUE(eventually([&] { return !run(client.permit(start_of("a"))); }));
  EXPECT_THAT(run(client.permit(start_of("a"))).error().message(), HasSubstr("no longer"));
  change(R"({"requestId":"request-1","permitted":true})");
  EXPECT_TRUE(eventually([&] { return static_cast<bool>(run(client.permit(start_of("a")))); }));
  EXPECT_EQ(asked_, 1);
  bus::testing_support::on_shard(shard_,
                                 [&] { EXPECT_EQ(listener->told, (std::vector<std::string>{"a no", "a yes"})); });
}

TEST_F(PolicyClientTest, changes_that_mean_nothing_are_told_and_change_nothing) {
  serve(R"({"requestId":"x","permitted":true})");
  auto& client = open();
  EXPECT_TRUE(run(client.permit(start_of("a"))));
  change(R"({"requestId":"request-7","permitted":false})");
  change("nonsense");
  const auto lines = lines_.wait_for(2);
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_THAT(lines[0], HasSubstr("request-7"));
  EXPECT_THAT(lines[1], HasSubstr("policy decision"));
  EXPECT_TRUE(run(client.permit(start_of("a"))));
}

TEST_F(PolicyClientTest, who_waits_when_it_ends_is_told) {
  bus::testing_support::Collected<bus::Message> questions;
  service_ =
      *bus_.subscribe(service_shard_, "policy", {}, [&](const bus::Message& message) { questions.add(message); });
  auto& client = open(1h);
  std::atomic<bool> ended = false;
  async::TaskScope tasks(shard_);
  tasks.spawn("ask", [](PolicyClient& asked, std::atomic<bool>& told) -> async::Task<void> {
    const auto decision = co_await asked.permit(start_of("a"));
    EXPECT_FALSE(decision);
    told = true;
    co_return Result<void>();
  }(client, ended));
  ASSERT_EQ(questions.wait_for(1).size(), 1U);
  (void)run(close());
  EXPECT_TRUE(eventually([&] { return ended.load(); }));
  tasks.close_and_wait();
}

}  // namespace
}  // namespace weft::lattice
