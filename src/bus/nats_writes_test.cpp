// SPDX-License-Identifier: Apache-2.0
#include "bus/nats_writes.hpp"

#include <algorithm>
#include <chrono>
#include <future>
#include <string>

#include "bus/nats_fixture.hpp"

namespace weft::bus {
namespace {

using namespace testing_support;

class NatsWritesTest : public NatsTest {
 protected:
  void SetUp() override {
    NatsTest::SetUp();
    start_server();
  }
  static void publish(Bus& bus, int count, std::size_t size, int from = 0) {
    for (int number = from; number < from + count; ++number) {
      auto payload = std::to_string(number);
      payload.resize(std::max(size, payload.size()), '.');
      ASSERT_TRUE(bus.publish(message("weft.writes", std::move(payload))));
    }
  }
  static void expect_in_order(const std::vector<Message>& got, std::size_t count) {
    ASSERT_EQ(got.size(), count);
    for (std::size_t number = 0; number < count; ++number) {
      ASSERT_TRUE(got[number].payload.starts_with(std::to_string(number))) << number;
    }
  }
};

// Without it everything works, at two thirds of the speed.
TEST_F(NatsWritesTest, the_library_has_what_it_takes) { EXPECT_TRUE(NatsWrites::are_timed()); }

TEST_F(NatsWritesTest, what_is_published_arrives_in_order_whenever_it_is_written) {
  const auto bus = connect();
  Collected<Message> got;
  const Ending ending(*this);
  collect(*bus, "weft.writes", got);
  for (const int turn : {0, 1, 2}) {
    on_shard(shard_, [&] {
      publish(*bus, 1, 10, turn * 150);
      publish(*bus, 99, 2'000, turn * 150 + 1);
      publish(*bus, 20, 100'000, turn * 150 + 100);
      publish(*bus, 30, 0, turn * 150 + 120);
    });
  }
  publish(*bus, 50, 1'000, 450);  // by a thread that is no shard
  expect_in_order(got.wait_for(500), 500);
}

TEST_F(NatsWritesTest, what_a_shard_had_published_when_it_was_stopped_is_written) {
  const auto bus = connect();
  Collected<Message> got;
  const Ending ending(*this);
  collect(*bus, "weft.writes", got);
  {
    async::Shard other(1);
    other.start();
    std::promise<void> stopped;
    std::promise<void> published;
    other.post([&]() noexcept {
      publish(*bus, 3, 10);
      published.set_value();
      stopped.get_future().wait();
    });
    published.get_future().wait();
    other.io().stop();  // what is queued does not run any more
    stopped.set_value();
    other.stop();
  }
  expect_in_order(got.wait_for(3), 3);
}

TEST_F(NatsWritesTest, a_socket_that_takes_nothing_for_too_long_is_broken) {
  auto with = options();
  with.ping_interval = 1h;  // which would find it, too
  with.write_deadline = 200ms;
  const auto bus = connect(with);
  server_->pause();
  on_shard(shard_, [&] {
    Result<void> last;
    for (int count = 0; count < 100 && last; ++count) {
      last = bus->publish(message("weft.writes", std::string(900'000, 'x')));
    }
    EXPECT_FALSE(last);
  });
  EXPECT_TRUE(eventually([&] { return bus->state() == BusState::disconnected; }));
  server_->resume();
  EXPECT_TRUE(eventually([&] { return bus->state() == BusState::connected && wait(bus->flush(1s)); }));
}

}  // namespace
}  // namespace weft::bus
