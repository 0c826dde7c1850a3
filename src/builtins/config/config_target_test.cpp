// SPDX-License-Identifier: Apache-2.0
#include "builtins/config/config_target.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "builtins/fake_caller.hpp"

namespace weft::builtins {
namespace {

constexpr std::string_view kStore = "wasi:config/store@0.2.0-draft";
constexpr std::string_view kRuntime = "wasi:config/runtime@0.2.0-draft";

using ConfigError = std::variant<std::string, std::string>;
using Got = std::expected<std::optional<std::string>, ConfigError>;
using All = std::expected<std::vector<std::pair<std::string, std::string>>, ConfigError>;

class ConfigTargetTest : public testing::Test {
 protected:
  Got get(std::string_view interface, std::string_view key, std::size_t shard = 0) {
    return *caller.call_on<Got>(shard, *config.target(), interface, "get", key);
  }
  FakeCaller caller;
  ConfigTarget config{"shop", 2, {{"a", "1"}, {"b", "2"}}};
};

TEST_F(ConfigTargetTest, both_interfaces_give_the_same) {
  for (const auto interface : {kStore, kRuntime}) {
    EXPECT_EQ(get(interface, "a"), Got("1"));
    EXPECT_EQ(get(interface, "missing"), Got(std::nullopt));
    const auto all = *caller.call<All>(*config.target(), interface, "get-all");
    EXPECT_EQ(*all, (std::vector<std::pair<std::string, std::string>>{{"a", "1"}, {"b", "2"}}));
  }
}

TEST_F(ConfigTargetTest, an_update_is_seen_by_the_next_call_of_every_shard) {
  EXPECT_EQ(get(kStore, "a", 0), Got("1"));
  EXPECT_EQ(get(kStore, "a", 1), Got("1"));
  config.update({{"a", "new"}});
  EXPECT_EQ(get(kStore, "a", 0), Got("new"));
  EXPECT_EQ(get(kStore, "a", 1), Got("new"));
  EXPECT_EQ(get(kStore, "b", 1), Got(std::nullopt));
}

TEST_F(ConfigTargetTest, a_call_sees_one_map_whole) {
  std::atomic<bool> done = false;
  std::thread updates([&] {
    for (int round = 0; !done.load(); ++round) {
      const std::string text = std::to_string(round);
      config.update({{"a", text}, {"b", text}});
    }
  });
  for (int round = 0; round < 300; ++round) {
    const auto all = *caller.call<All>(*config.target(), kStore, "get-all");
    if (all->at(0).second == "1") continue;
    EXPECT_EQ(all->at(0).second, all->at(1).second);
  }
  done = true;
  updates.join();
}

}  // namespace
}  // namespace weft::builtins
