// SPDX-License-Identifier: Apache-2.0
#include "base/unique_handle.hpp"

#include <gtest/gtest.h>

#include <utility>

namespace weft::base {
namespace {

struct Counter {
  int freed = 0;
};

void free_counter(Counter* counter) { ++counter->freed; }

using CounterHandle = UniqueHandle<Counter, &free_counter>;

TEST(UniqueHandleTest, frees_once_at_the_end) {
  Counter counter;
  {
    const auto handle = CounterHandle::adopt(&counter);
    EXPECT_TRUE(handle);
  }
  EXPECT_EQ(counter.freed, 1);
}

TEST(UniqueHandleTest, a_released_handle_is_not_freed) {
  Counter counter;
  {
    auto handle = CounterHandle::adopt(&counter);
    EXPECT_EQ(handle.release(), &counter);
    EXPECT_FALSE(handle);
  }
  EXPECT_EQ(counter.freed, 0);
}

TEST(UniqueHandleTest, moving_changes_the_owner) {
  Counter first;
  Counter second;
  {
    auto handle = CounterHandle::adopt(&first);
    auto other = CounterHandle::adopt(&second);
    other = std::move(handle);
    EXPECT_EQ(second.freed, 1);
    EXPECT_EQ(first.freed, 0);
    EXPECT_EQ(other.get(), &first);
  }
  EXPECT_EQ(first.freed, 1);
}

TEST(UniqueHandleTest, an_empty_handle_frees_nothing) {
  CounterHandle handle;
  handle.reset();
  EXPECT_EQ(handle.get(), nullptr);
}

}  // namespace
}  // namespace weft::base
