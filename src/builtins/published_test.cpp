// SPDX-License-Identifier: Apache-2.0
#include "builtins/published.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <thread>

namespace weft::builtins {
namespace {

TEST(PublishedTest, a_read_sees_the_value_published_last) {
  Published<int> value(2, std::make_shared<const int>(1));
  EXPECT_EQ(*value.read(0), 1);
  value.publish(std::make_shared<const int>(2));
  EXPECT_EQ(*value.read(0), 2);
  EXPECT_EQ(*value.read(1), 2);
  EXPECT_EQ(*value.get(), 2);
}

TEST(PublishedTest, the_old_value_goes_when_its_last_reader_reads_again) {
  auto first = std::make_shared<const int>(1);
  const std::weak_ptr<const int> watch = first;
  Published<int> value(2, std::move(first));
  static_cast<void>(value.read(0));
  static_cast<void>(value.read(1));
  value.publish(std::make_shared<const int>(2));
  static_cast<void>(value.read(0));
  EXPECT_FALSE(watch.expired());
  static_cast<void>(value.read(1));
  EXPECT_TRUE(watch.expired());
}

TEST(PublishedTest, readers_never_see_time_run_backwards) {
  Published<int> value(2, std::make_shared<const int>(0));
  const auto read = [&](std::size_t shard) {
    for (int last = 0; last < 5000;) {
      const int now = *value.read(shard);
      EXPECT_GE(now, last);
      last = now;
    }
  };
  std::thread first([&] { read(0); });
  std::thread second([&] { read(1); });
  for (int next = 1; next <= 5000; ++next) value.publish(std::make_shared<const int>(next));
  first.join();
  second.join();
}

}  // namespace
}  // namespace weft::builtins
