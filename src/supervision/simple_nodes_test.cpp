// SPDX-License-Identifier: Apache-2.0
#include "supervision/simple_nodes.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <future>
#include <vector>

#include "async/on_shard.hpp"
#include "supervision/asio_runtime.hpp"
#include "supervision/tree.hpp"

namespace weft::supervision {
namespace {

/// A tree on a shard, with one child.
class SimpleNodesTest : public testing::Test {
 protected:
  using Make = std::function<std::unique_ptr<Node>()>;

  void SetUp() override { shard.start(); }
  void TearDown() override {
    call([this] { tree.reset(); });
    shard.stop();
  }
  template <class Work>
  void call(Work work) {
    async::on_shard(shard, work);
  }
  Result<void> start(Make make) {
    auto done = std::make_shared<std::promise<Result<void>>>();
    call([&] {
      ChildSpec child{.name = "child", .kind = "test", .make = std::move(make)};
      TreeOptions options;
      options.root.name = "root";
      options.root.children = {child};
      tree = std::make_unique<Tree>(std::make_shared<AsioRuntime>(shard.shared_io()), std::move(options));
      tree->start([done](Result<void> result) { done->set_value(std::move(result)); });
    });
    return done->get_future().get();
  }
  void stop() {
    auto done = std::make_shared<std::promise<void>>();
    call([&] { tree->stop([done](const Result<void>&) { done->set_value(); }); });
    done->get_future().get();
  }
  async::Shard shard{0};
  std::unique_ptr<Tree> tree;
};

TEST_F(SimpleNodesTest, functions_start_and_stop_once) {
  std::vector<std::string> calls;
  const auto make = [&] {
    return make_function_node(
        [&](const Life&) -> Result<void> {
          calls.emplace_back("start");
          return {};
        },
        [&] { calls.emplace_back("stop"); });
  };
  ASSERT_TRUE(start(make));
  stop();
  EXPECT_THAT(calls, testing::ElementsAre("start", "stop"));
}

TEST_F(SimpleNodesTest, a_function_that_fails_is_not_stopped) {
  bool stopped = false;
  const auto make = [&] {
    return make_function_node([](const Life&) -> Result<void> { return Error(Errc::io, "no port"); },
                              [&] { stopped = true; });
  };
  EXPECT_EQ(start(make).error().message(), "no port");
  EXPECT_FALSE(stopped);
}

// Until it is cancelled.
async::Task<void> wait_forever(Life life) {
  boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor);
  timer.expires_at(boost::asio::steady_timer::time_point::max());
  life.ready();
  const auto [error] = co_await timer.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
  co_return Error(Errc::cancelled, "waited until " + error.message());
}

async::Task<void> fail_at_once(Life life) {
  life.ready();
  co_return Error(Errc::io, "disk on fire");
}

TEST_F(SimpleNodesTest, a_task_runs_until_it_is_stopped) {
  ASSERT_TRUE(start([this] { return make_task_node(shard, "wait", &wait_forever); }));
  stop();
  call([this] {
    EXPECT_EQ(tree->snapshot().children[0].state, NodeState::stopped);
    EXPECT_FALSE(tree->snapshot().children[0].last_failure);
  });
}

TEST_F(SimpleNodesTest, a_task_that_fails_is_a_failure) {
  auto ended = std::make_shared<std::promise<Exit>>();
  call([&] {
    ChildSpec child{.name = "child", .kind = "test", .restart = Restart::permanent};
    child.make = [this] { return make_task_node(shard, "fail", &fail_at_once); };
    TreeOptions options;
    options.root.name = "root";
    options.root.children = {child};
    options.root.backoff.initial = Duration(0);
    options.on_end = [ended](const Exit& exit) { ended->set_value(exit); };
    tree = std::make_unique<Tree>(std::make_shared<AsioRuntime>(shard.shared_io()), std::move(options));
    tree->start();
  });
  const auto exit = ended->get_future().get();
  EXPECT_THAT(exit.error->message(), testing::HasSubstr("child (failure: disk on fire)"));
}

struct Token {
  ~Token() { gone.set_value(); }
  std::promise<void>& gone;
};

TEST_F(SimpleNodesTest, a_task_whose_node_is_destroyed_is_cancelled) {
  std::promise<void> gone;
  ASSERT_TRUE(start([this, token = std::shared_ptr<Token>(new Token{gone})] {
    return make_task_node(shard, "wait", [token](Life life) { return wait_forever(std::move(life)); });
  }));
  call([this] { tree.reset(); });
  gone.get_future().get();
}

}  // namespace
}  // namespace weft::supervision
