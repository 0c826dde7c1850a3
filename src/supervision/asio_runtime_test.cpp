// SPDX-License-Identifier: Apache-2.0
#include "supervision/asio_runtime.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <thread>

#include "async/shard.hpp"
#include "supervision/tree.hpp"

namespace weft::supervision {
namespace {

struct ReadyNode final : Node {
  void start(Life given) noexcept override {
    life = std::move(given);
    life.ready();
  }
  void stop() noexcept override { life.ended(); }
  void kill() noexcept override { life.ended(); }
  Life life;
};

TEST(AsioRuntimeTest, fires_timers_in_their_order_and_not_those_cancelled) {
  const auto io = std::make_shared<boost::asio::io_context>();
  const auto runtime = std::make_shared<AsioRuntime>(io);
  std::string order;
  static_cast<void>(runtime->start_timer(Duration(300), [&]() noexcept { order += 'b'; }));
  static_cast<void>(runtime->start_timer(Duration(1), [&]() noexcept { order += 'a'; }));
  const auto cancelled = runtime->start_timer(Duration(0), [&]() noexcept { order += 'x'; });
  runtime->cancel_timer(cancelled);
  runtime->cancel_timer(99);
  runtime->post([&]() noexcept { order += '0'; });
  io->run();
  EXPECT_EQ(order, "0ab");
}

TEST(AsioRuntimeTest, a_tree_on_a_shard_hears_failures_from_any_thread) {
  async::Shard shard(0);
  shard.start();
  std::promise<void> ready;
  std::promise<void> restarted;
  std::promise<void> stopped;
  std::unique_ptr<Tree> tree;
  NodeId leaf = 0;
  int starts = 0;
  shard.post([&]() noexcept {
    ChildSpec child{.name = "leaf", .kind = "test"};
    child.make = [&] {
      if (++starts == 2) restarted.set_value();
      return std::make_unique<ReadyNode>();
    };
    TreeOptions options;
    options.root.name = "root";
    options.root.children = {child};
    tree = std::make_unique<Tree>(std::make_shared<AsioRuntime>(shard.shared_io()), std::move(options));
    leaf = *tree->find("leaf");
    tree->start([&](const Result<void>&) { ready.set_value(); });
  });
  ready.get_future().get();
  std::thread([&] { tree->report_failure(leaf, Error(Errc::io, "from elsewhere")); }).join();
  restarted.get_future().get();
  shard.post([&]() noexcept {
    tree->stop([&](const Result<void>&) {
      tree.reset();
      stopped.set_value();
    });
  });
  stopped.get_future().get();
}

}  // namespace
}  // namespace weft::supervision
