// SPDX-License-Identifier: Apache-2.0
#include "dispatch/dispatcher.hpp"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <future>
#include <optional>
#include <string>
#include <vector>

#include "async/on_shard.hpp"

namespace weft::dispatch {
namespace {

/// Answers at once with its own id.
class EchoTarget final : public Target {
 public:
  explicit EchoTarget(std::string id) : id_(std::move(id)) {}
  [[nodiscard]] const std::string& id() const noexcept override { return id_; }
  std::unique_ptr<PendingCall> invoke(async::Shard& /*shard*/, const Invocation& /*invocation*/,
                                      CallHandler& handler) override {
    handler.on_results(std::as_bytes(std::span(id_)));
    return nullptr;
  }

 private:
  std::string id_;
};

class Recorder final : public CallHandler {
 public:
  void on_results(std::span<const std::byte> results) override {
    answer.assign(reinterpret_cast<const char*>(results.data()), results.size());
  }
  void on_error(Error error) override { failure = std::move(error); }

  std::string answer;
  std::optional<Error> failure;
};

class DispatcherTest : public testing::Test {
 protected:
  void publish() { publish(table); }
  void publish(RoutingTable& from) {
    auto done = boost::asio::co_spawn(control, dispatcher.publish(from.snapshot()), boost::asio::use_future);
    control.restart();
    const auto keep = boost::asio::make_work_guard(control);
    while (done.wait_for(std::chrono::seconds(0)) != std::future_status::ready) {
      control.run_one_for(std::chrono::seconds(10));
    }
    ASSERT_TRUE(done.get());
  }

  template <class Work>
  auto on_shard(std::size_t index, Work work) {
    return async::on_shard(shards.at(index), work);
  }

  Recorder call(std::size_t shard, CallContext context, std::string_view key = "acme:shop/cart") {
    return on_shard(shard, [&] {
      Recorder recorder;
      const auto pending = dispatcher.invoke(
          shards.at(shard), key,
          {.interface = "acme:shop/cart@1.0.0", .function = "add", .params = {}, .context = context}, recorder);
      EXPECT_EQ(pending, nullptr);
      return recorder;
    });
  }

  static CallContext from(std::string_view source, std::string_view link_name = "default") {
    CallContext context;
    context.source = source;
    context.link_name = link_name;
    return context;
  }

  boost::asio::io_context control;  ///< where publish() is awaited; outlives the shards, which post to it last
  async::ShardPool shards{3};
  Dispatcher dispatcher{shards};
  RoutingTable table;
};

TEST_F(DispatcherTest, calls_lead_to_the_linked_target_on_every_shard) {
  table.set_routes("web", {{"default", "acme:shop/cart", "cart", std::make_shared<EchoTarget>("cart")},
                           {"spare", "acme:shop/cart", "cart2", std::make_shared<EchoTarget>("cart2")}});
  publish();
  for (std::size_t shard = 0; shard < 3; ++shard) {
    EXPECT_EQ(call(shard, from("web")).answer, "cart");
    EXPECT_EQ(call(shard, from("web", "spare")).answer, "cart2");
  }
  table.set_routes("web", {{"default", "acme:shop/cart", "cart2", nullptr}});
  publish();
  EXPECT_EQ(call(1, from("web")).answer, "cart2");
}

TEST_F(DispatcherTest, a_missing_link_names_all_its_parts_and_the_command_that_puts_it) {
  const auto failure = call(0, from("web")).failure;
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->code(), Errc::not_found);
  EXPECT_EQ(failure->message(), "\"web\" has no link named \"default\" for acme:shop/cart");
  EXPECT_EQ(failure->hint(), "link it to what answers: weft link put web <target> acme shop --interface cart");
  const auto named = call(0, from("web", "spare")).failure;
  ASSERT_TRUE(named);
  EXPECT_EQ(named->hint(),
            "link it to what answers: weft link put web <target> acme shop --interface cart --link-name spare");
}

TEST_F(DispatcherTest, a_target_that_does_not_run_is_named_with_the_command_that_starts_it) {
  table.set_routes("web", {{"default", "acme:shop/cart", "cart", nullptr}});
  publish();
  const auto failure = call(0, from("web")).failure;
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->code(), Errc::unavailable);
  EXPECT_EQ(failure->message(),
            "\"cart\", which the link \"default\" of \"web\" for acme:shop/cart leads to, does not run");
  EXPECT_EQ(failure->hint(), "start it: weft start component <ref> cart (a provider: weft start provider <ref> cart)");
}

TEST_F(DispatcherTest, calls_are_counted_by_link_and_target) {
  RoutingTable counted(3);
  const auto call_metered = [&](std::size_t shard, bool failed) {
    on_shard(shard, [&] {
      Recorder recorder;
      CallMeter meter;
      static_cast<void>(dispatcher.invoke(
          shards.at(shard), "acme:shop/cart",
          {.interface = "acme:shop/cart@1.0.0", .function = "add", .params = {}, .context = from("web")}, recorder,
          &meter));
      if (!failed) meter.end(false);
      return 0;
    });
  };
  counted.set_routes("web", {{"default", "acme:shop/cart", "cart", std::make_shared<EchoTarget>("cart")},
                             {"default", "acme:shop/unused", "cart", nullptr}});
  publish(counted);
  EXPECT_TRUE(counted.figures().empty()) << "a link that nobody used is not told";
  call_metered(0, false);
  call_metered(2, false);
  call_metered(2, true);
  const auto figures = counted.figures();
  ASSERT_EQ(figures.size(), 1U);
  EXPECT_EQ(figures[0].source, "web");
  EXPECT_EQ(figures[0].link_name, "default");
  EXPECT_EQ(figures[0].interface, "acme:shop/cart");
  EXPECT_EQ(figures[0].target, "cart");
  EXPECT_EQ(figures[0].calls, 3U);
  EXPECT_EQ(figures[0].errors, 1U);
  counted.set_routes("web", {{"default", "acme:shop/cart", "gone", nullptr}});
  publish(counted);
  call_metered(1, true);
  ASSERT_EQ(counted.figures().size(), 1U);
  EXPECT_EQ(counted.figures()[0].target, "gone") << "what does not run fails on its link";
  EXPECT_EQ(counted.figures()[0].calls, 1U);
}

TEST_F(DispatcherTest, a_call_may_outlive_its_link) {
  RoutingTable counted(3);
  counted.set_routes("web", {{"default", "acme:shop/cart", "cart", std::make_shared<EchoTarget>("cart")}});
  publish(counted);
  CallMeter meter;
  on_shard(0, [&] { return dispatcher.find(shards.at(0), "web", "default", "acme:shop/cart", &meter).has_value(); });
  counted.set_routes("web", {});
  publish(counted);
  EXPECT_TRUE(counted.figures().empty());
  on_shard(0, [&] {
    meter.end(false);
    return 0;
  });
}

TEST_F(DispatcherTest, odd_interface_names_make_no_trouble) {
  for (const std::string_view key : {"", ":", "/", "a", "a:b", "a/b", ":/", "/:", "a:b/c/d"}) {
    EXPECT_EQ(call(0, from("web"), key).failure->code(), Errc::not_found) << key;
  }
}

TEST_F(DispatcherTest, nesting_ends_at_its_limit) {
  table.set_routes("web", {{"default", "acme:shop/cart", "cart", std::make_shared<EchoTarget>("cart")}});
  publish();
  auto context = from("web");
  context.depth = kMaxDepth;
  EXPECT_EQ(call(0, context).answer, "cart");
  context.depth = kMaxDepth + 1;
  const auto failure = call(0, context).failure;
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->code(), Errc::resource_exhausted);
  EXPECT_NE(failure->message().find("nested 64 deep"), std::string::npos);
}

TEST_F(DispatcherTest, a_deadline_that_has_passed_begins_nothing) {
  table.set_routes("web", {{"default", "acme:shop/cart", "cart", std::make_shared<EchoTarget>("cart")}});
  publish();
  auto context = from("web");
  context.deadline = std::chrono::steady_clock::now() - std::chrono::milliseconds(1);
  EXPECT_EQ(call(0, context).failure->code(), Errc::deadline_exceeded);
  context.deadline = std::chrono::steady_clock::now() + std::chrono::hours(1);
  EXPECT_EQ(call(0, context).answer, "cart");
}

TEST_F(DispatcherTest, find_gives_the_target_or_the_error_of_invoke) {
  table.set_routes("web", {{"default", "acme:shop/cart", "cart", std::make_shared<EchoTarget>("cart")},
                           {"default", "acme:shop/stock", "stock", nullptr}});
  publish();
  const auto find = [&](std::string_view key) {
    return on_shard(2, [&] { return dispatcher.find(shards.at(2), "web", "default", key); });
  };
  EXPECT_EQ((*find("acme:shop/cart"))->id(), "cart");
  EXPECT_EQ(find("acme:shop/stock").error().code(), Errc::unavailable);
  EXPECT_EQ(find("acme:shop/none").error().code(), Errc::not_found);
  EXPECT_TRUE(on_shard(0, [&] { return dispatcher.has_link(shards.at(0), "web", "default", "acme:shop/stock"); }));
  EXPECT_FALSE(on_shard(0, [&] { return dispatcher.has_link(shards.at(0), "web", "x", "acme:shop/stock"); }));
}

}  // namespace
}  // namespace weft::dispatch
