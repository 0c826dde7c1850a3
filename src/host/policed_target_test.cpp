// SPDX-License-Identifier: Apache-2.0
#include "host/policed_target.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "async/shard_call.hpp"
#include "bus/memory_bus.hpp"
#include "bus/test_wait.hpp"

namespace weft::host {
namespace {

using namespace std::chrono_literals;
using bus::testing_support::Collected;
using bus::testing_support::eventually;
using bus::testing_support::on_shard;
using testing::HasSubstr;

/// Answers every call with its parameters, at once.
class EchoTarget final : public dispatch::Target {
 public:
  [[nodiscard]] const std::string& id() const noexcept override { return id_; }
  std::unique_ptr<dispatch::PendingCall> invoke(async::Shard& /*shard*/, const dispatch::Invocation& invocation,
                                                dispatch::CallHandler& handler) override {
    ++calls;
    source = std::string(invocation.context.source);
    handler.on_results(invocation.params);
    return nullptr;
  }
  std::atomic<int> calls{0};
  std::string source;

 private:
  std::string id_ = "cart";
};

class Handler final : public dispatch::CallHandler {
 public:
  void on_results(std::span<const std::byte> results) override {
    told.add(std::string(reinterpret_cast<const char*>(results.data()), results.size()));
  }
  void on_error(Error error) override { told.add(error.to_string()); }
  Collected<std::string> told;
};

class PolicedTargetTest : public testing::Test {
 protected:
  PolicedTargetTest() {
    control_.start();
    service_shard_.start();
    service_ = *bus_.subscribe(service_shard_, "policy", {},
                               [this](const bus::Message& question) { questions_.add(question); });
    on_shard(control_, [this] {
      EXPECT_TRUE(client_->open());
      policed_ = std::make_shared<PolicedTarget>(target_, CallPolicy::create(shards_, control_, client_,
                                                                             {.kind = wire::PolicyKind::start_component,
                                                                              .id = "cart",
                                                                              .image_ref = "cart:1",
                                                                              .annotations = {},
                                                                              .claims = {}}));
    });
  }
  ~PolicedTargetTest() override {
    (void)async::run_on_shard_and_wait(control_, close());
    shards_.stop();
    control_.stop();
    service_shard_.stop();
    service_.reset();
  }
  async::Task<void> close() {
    co_await client_->close();
    co_return Result<void>();
  }

  void call(Handler& handler, const std::string& function = "add") {
    on_shard(shards_.at(0), [&] {
      const std::string params = "four", source = "shop";
      pending_ = policed_->invoke(shards_.at(0),
                                  {.interface = "shop:cart/api",
                                   .function = function,
                                   .params = std::as_bytes(std::span(params)),
                                   .context = {.source = source, .link_name = "default"}},
                                  handler);
    });
  }
  void end_call() {
    on_shard(shards_.at(0), [this] { pending_.reset(); });
  }
  /// Answers the question of that number, from 1.
  void answer(std::size_t number, const std::string& decision) {
    const auto asked = questions_.wait_for(number);
    ASSERT_GE(asked.size(), number);
    ASSERT_TRUE(bus_.publish({.subject = asked[number - 1].reply, .reply = {}, .headers = {}, .payload = decision}));
  }

  async::ShardPool shards_{1};
  async::Shard control_{7};
  async::Shard service_shard_{8};
  bus::MemoryBus bus_;
  Collected<bus::Message> questions_;
  std::unique_ptr<bus::Subscription> service_;
  std::shared_ptr<lattice::PolicyClient> client_ = std::make_shared<lattice::PolicyClient>(
      bus_, control_, PolicyConfig{.topic = "policy", .changes_topic = {}, .timeout = 1h}, wire::PolicyHost{},
      [] { return std::string("request"); }, LogSink());
  std::shared_ptr<EchoTarget> target_ = std::make_shared<EchoTarget>();
  std::shared_ptr<PolicedTarget> policed_;
  std::unique_ptr<dispatch::PendingCall> pending_;
};

TEST_F(PolicedTargetTest, a_call_waits_for_its_verdict_and_the_next_does_not) {
  Handler handler;
  call(handler);
  EXPECT_EQ(target_->calls, 0);
  answer(1, R"({"requestId":"x","permitted":true})");
  EXPECT_THAT(handler.told.wait_for(1), testing::ElementsAre("four"));
  EXPECT_EQ(target_->source, "shop");
  end_call();
  call(handler);
  EXPECT_THAT(handler.told.now(), testing::ElementsAre("four", "four")) << "told before invoke() returned";
  EXPECT_EQ(pending_, nullptr);
  EXPECT_EQ(questions_.size(), 1U);
  call(handler, "remove");
  EXPECT_EQ(questions_.wait_for(2).size(), 2U) << "another function is another question";
  end_call();
}

TEST_F(PolicedTargetTest, a_refused_call_never_reaches_the_component) {
  Handler handler;
  call(handler);
  answer(1, R"({"requestId":"x","permitted":false,"message":"not today"})");
  EXPECT_THAT(handler.told.wait_for(1), testing::ElementsAre(HasSubstr("not today")));
  end_call();
  call(handler);
  EXPECT_THAT(handler.told.now(), testing::ElementsAre(HasSubstr("not today"), HasSubstr("not today")));
  EXPECT_EQ(target_->calls, 0);
}

TEST_F(PolicedTargetTest, a_call_that_is_given_up_while_it_waits_is_over) {
  Handler given_up, next;
  call(given_up);
  ASSERT_EQ(questions_.wait_for(1).size(), 1U);
  end_call();
  answer(1, R"({"requestId":"x","permitted":true})");
  // The verdict counts all the same.
  EXPECT_TRUE(eventually([&] {
    call(next);
    end_call();
    return next.told.size() > 0;
  }));
  EXPECT_EQ(given_up.told.size(), 0U);
}

TEST_F(PolicedTargetTest, a_call_that_waits_when_the_host_ends_is_told_so) {
  Handler handler;
  call(handler);
  ASSERT_EQ(questions_.wait_for(1).size(), 1U);
  (void)async::run_on_shard_and_wait(control_, close());
  const auto told = handler.told.wait_for(1);
  EXPECT_THAT(told, testing::ElementsAre(HasSubstr("cancelled")));
  EXPECT_EQ(target_->calls, 0);
  end_call();
}

}  // namespace
}  // namespace weft::host
