// SPDX-License-Identifier: Apache-2.0
#include "counter.hpp"

#include <gtest/gtest.h>

#include "builtins/builtin_provider.hpp"
#include "builtins/fake_caller.hpp"

namespace weft::builtins {
namespace {

TEST(CounterBuiltinTest, counts_for_each_link_under_its_prefix) {
  FakeCaller caller;
  ProviderRegistry registry;
  ASSERT_TRUE(add_builtins(registry, {{"counter", counter_builtin()}}));
  const auto provider = *registry.at("counter")({.id = "c", .shards = &caller.shards()});
  const auto target = provider->target();
  using Answer = std::expected<std::uint64_t, std::string>;
  const auto increment = [&](std::string_view name, std::uint64_t by) {
    return *caller.call<Answer>(*target, "acme:counter/count@1.0.0", "increment", name, by);
  };
  EXPECT_EQ(increment("visits", 2), Answer(2));
  EXPECT_EQ(increment("visits", 3), Answer(5));
  EXPECT_EQ(increment("", 1), Answer(std::unexpect, "a counter has a name"));
  ASSERT_TRUE(provider->put_link({.source = "caller",
                                  .target = "c",
                                  .name = "default",
                                  .wit_namespace = "acme",
                                  .wit_package = "counter",
                                  .interfaces = {"count"},
                                  .target_config = {{"prefix", "shop/"}}}));
  EXPECT_EQ(increment("visits", 1), Answer(1));
  provider->stop(std::chrono::milliseconds(10));
}

}  // namespace
}  // namespace weft::builtins
