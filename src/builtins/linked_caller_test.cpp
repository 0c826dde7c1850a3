// SPDX-License-Identifier: Apache-2.0
#include "builtins/linked_caller.hpp"

#include <gtest/gtest.h>

#include <future>
#include <latch>
#include <optional>
#include <thread>
#include <weft/builtin.hpp>

#include "async/shard_call.hpp"
#include "builtins/builtin_provider.hpp"
#include "builtins/fake_caller.hpp"
#include "dispatch/routing.hpp"

namespace weft::builtins {
namespace {

constexpr std::string_view kHandler = "acme:news/handler";
using Outcome = std::expected<std::string, std::string>;

/// Stands for a component.
class Reader final : public Builtin {
 public:
  explicit Reader(const BuiltinContext& /*context*/) {
    function(kHandler, "read", [](const CallInfo& call, const std::string& text) -> Outcome {
      if (text == "bad") return std::unexpected("no news");
      return text + " from " + std::string(call.source) + " over " + std::string(call.link_name);
    });
    function(kHandler, "hold", [this](Reply<bool> reply) {
      kept_.emplace(std::move(reply));
      held.count_down();
    });
  }
  static inline std::latch held{1};

 private:
  std::optional<Reply<bool>> kept_;
};

class LinkedCallerTest : public testing::Test {
 protected:
  void SetUp() override {
    ProviderContext context;
    context.id = "reader";
    context.shards = &shards_;
    provider_ = *provider_factory(builtin_factory<Reader>())(std::move(context));
    routes_.set_target("reader", provider_->target());
    routes_.set_routes(
        "feed",
        {{.link_name = "morning",
          .interface = std::string(kHandler),
          .target_id = "reader",
          .target = provider_->target()},
         {.link_name = "evening", .interface = std::string(kHandler), .target_id = "asleep", .target = nullptr}});
    ASSERT_TRUE(async::run_on_shard_and_wait(control_.at(0), dispatcher_.publish(routes_.snapshot())));
  }
  void TearDown() override {
    caller_->close();
    provider_->stop(std::chrono::milliseconds(0));
  }

  template <class T, class... A>
  std::future<Result<T>> begin(std::string link_name, std::string function, const A&... params) {
    const auto told = std::make_shared<std::promise<Result<T>>>();
    call_linked<T>(
        *caller_,
        {.link_name = std::move(link_name),
         .link_interface = std::string(kHandler),
         .interface = std::string(kHandler),
         .function = std::move(function)},
        [told](Result<T> outcome) { told->set_value(std::move(outcome)); }, params...);
    return told->get_future();
  }
  template <class T>
  Result<T> wait(std::future<Result<T>> future) {
    if (future.wait_for(std::chrono::seconds(20)) != std::future_status::ready) {
      return Error(Errc::deadline_exceeded, "the test waited too long");
    }
    return future.get();
  }

  async::ShardPool control_{1};
  async::ShardPool shards_{2};
  dispatch::Dispatcher dispatcher_{shards_};
  dispatch::RoutingTable routes_{2};
  std::unique_ptr<Provider> provider_;
  std::shared_ptr<LinkedCaller> caller_ = std::make_shared<LinkedCaller>("feed", &shards_, &dispatcher_);
};

TEST_F(LinkedCallerTest, calls_what_the_link_leads_to) {
  const auto good = wait(begin<Outcome>("morning", "read", "news"));
  ASSERT_TRUE(good) << good.error().to_string();
  EXPECT_EQ(*good, Outcome("news from feed over morning"));
  const auto bad = wait(begin<Outcome>("morning", "read", "bad"));
  ASSERT_TRUE(bad);
  EXPECT_EQ(*bad, Outcome(std::unexpected("no news")));
  const auto figures = routes_.figures();
  ASSERT_EQ(figures.size(), 1U);
  EXPECT_EQ(figures[0].calls, 2U);
}

TEST_F(LinkedCallerTest, says_that_a_link_or_its_component_is_missing) {
  EXPECT_EQ(wait(begin<Outcome>("noon", "read", "news")).error().code(), Errc::not_found);
  const auto asleep = wait(begin<Outcome>("evening", "read", "news"));
  EXPECT_EQ(asleep.error().code(), Errc::unavailable);
  EXPECT_NE(asleep.error().to_string().find("asleep"), std::string::npos);
  EXPECT_EQ(wait(begin<Outcome>("morning", "write", "news")).error().code(), Errc::not_found);
  EXPECT_EQ(wait(begin<std::tuple<Outcome, Outcome>>("morning", "read", "news")).error().code(), Errc::malformed);
}

TEST_F(LinkedCallerTest, closing_ends_what_is_under_way_and_refuses_more) {
  auto held = begin<bool>("morning", "hold");
  Reader::held.wait();
  caller_->close();
  EXPECT_EQ(wait(std::move(held)).error().code(), Errc::cancelled);
  EXPECT_EQ(wait(begin<Outcome>("morning", "read", "news")).error().code(), Errc::unavailable);
}

TEST_F(LinkedCallerTest, without_a_host_there_is_nobody_to_call) {
  caller_ = std::make_shared<LinkedCaller>("feed", nullptr, nullptr);
  EXPECT_EQ(wait(begin<Outcome>("morning", "read", "news")).error().code(), Errc::unavailable);
}

}  // namespace
}  // namespace weft::builtins
