// SPDX-License-Identifier: Apache-2.0
#include "dispatch/routing.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <random>
#include <string>
#include <tuple>
#include <vector>

namespace weft::dispatch {
namespace {

class NamedTarget final : public Target {
 public:
  explicit NamedTarget(std::string id) : id_(std::move(id)) {}
  [[nodiscard]] const std::string& id() const noexcept override { return id_; }
  std::unique_ptr<PendingCall> invoke(async::Shard& /*shard*/, const Invocation& /*invocation*/,
                                      CallHandler& /*handler*/) override {
    return nullptr;
  }

 private:
  std::string id_;
};

Route route(std::string target, std::string interface = "a:b/c", std::string link_name = "default") {
  return {.link_name = std::move(link_name),
          .interface = std::move(interface),
          .target_id = std::move(target),
          .target = nullptr};
}

TEST(RoutingTest, an_empty_table_finds_nothing) {
  RoutingTable table;
  EXPECT_FALSE(table.snapshot()->find("a", "default", "a:b/c"));
  EXPECT_FALSE(RoutingSnapshot().find("", "", ""));
}

TEST(RoutingTest, finds_a_route_by_all_three_parts) {
  RoutingTable table;
  table.set_routes("source", {route("one"), route("two", "a:b/d"), route("three", "a:b/c", "other")});
  const auto snapshot = table.snapshot();
  EXPECT_EQ(snapshot->find("source", "default", "a:b/c").target_id, "one");
  EXPECT_EQ(snapshot->find("source", "default", "a:b/d").target_id, "two");
  EXPECT_EQ(snapshot->find("source", "other", "a:b/c").target_id, "three");
  EXPECT_FALSE(snapshot->find("source", "other", "a:b/d"));
  EXPECT_FALSE(snapshot->find("sourc", "edefault", "a:b/c")) << "the parts are not just one text";
  EXPECT_FALSE(snapshot->find("elsewhere", "default", "a:b/c"));
}

TEST(RoutingTest, a_later_route_wins_over_an_earlier_one_of_the_same_name) {
  RoutingTable table;
  table.set_routes("source", {route("one"), route("two")});
  EXPECT_EQ(table.snapshot()->find("source", "default", "a:b/c").target_id, "two");
}

TEST(RoutingTest, a_target_comes_and_goes_for_all_who_link_to_it) {
  RoutingTable table;
  table.set_routes("one", {route("kv")});
  table.set_routes("two", {route("kv")});
  const auto before = table.snapshot();
  EXPECT_EQ(*before->find("one", "default", "a:b/c").target, nullptr);
  const auto target = std::make_shared<NamedTarget>("kv");
  table.set_target("kv", target);
  const auto running = table.snapshot();
  EXPECT_EQ(*running->find("one", "default", "a:b/c").target, target);
  EXPECT_EQ(*running->find("two", "default", "a:b/c").target, target);
  EXPECT_EQ(*before->find("one", "default", "a:b/c").target, nullptr) << "a snapshot never changes";
  table.set_target("kv", nullptr);
  EXPECT_EQ(*table.snapshot()->find("two", "default", "a:b/c").target, nullptr);
  EXPECT_EQ(*running->find("two", "default", "a:b/c").target, target);
}

TEST(RoutingTest, a_target_that_runs_is_there_for_routes_that_come_later) {
  RoutingTable table;
  const auto target = std::make_shared<NamedTarget>("kv");
  table.set_target("kv", target);
  table.set_routes("one", {route("kv")});
  table.set_routes("one", {});
  table.set_routes("one", {route("kv", "a:b/d")});
  EXPECT_EQ(*table.snapshot()->find("one", "default", "a:b/d").target, target);
  EXPECT_FALSE(table.snapshot()->find("one", "default", "a:b/c"));
}

TEST(RoutingTest, a_route_may_bring_its_target) {
  RoutingTable table;
  const auto target = std::make_shared<NamedTarget>("kv");
  auto brought = route("kv");
  brought.target = target;
  table.set_routes("one", {brought});
  EXPECT_EQ(*table.snapshot()->find("one", "default", "a:b/c").target, target);
}

TEST(RoutingTest, a_number_that_is_used_again_leads_to_its_new_target_only) {
  RoutingTable table;
  const auto first = std::make_shared<NamedTarget>("first");
  table.set_target("first", first);
  table.set_routes("one", {route("first")});
  table.set_target("first", nullptr);
  table.set_routes("one", {});
  table.set_routes("one", {route("second")});
  const auto found = table.snapshot()->find("one", "default", "a:b/c");
  EXPECT_EQ(found.target_id, "second");
  EXPECT_EQ(*found.target, nullptr);
}

/// The table against the link set itself, under random changes.
TEST(RoutingTest, agrees_with_the_links_whatever_changes) {
  const char* given = std::getenv("WEFT_TEST_SEED");
  const auto seed = given != nullptr ? static_cast<unsigned>(std::strtoul(given, nullptr, 10)) : std::random_device{}();
  SCOPED_TRACE(fmt::format("WEFT_TEST_SEED={}", seed));
  std::mt19937 random(seed);
  const auto pick = [&](unsigned count) { return std::uniform_int_distribution<unsigned>(0, count - 1)(random); };
  const auto name = [&](char kind, unsigned count) { return fmt::format("{}{}", kind, pick(count)); };

  RoutingTable table;
  std::map<std::tuple<std::string, std::string, std::string>, std::string> links;
  std::map<std::string, std::shared_ptr<Target>> targets;
  const auto check = [&](const RoutingSnapshot& snapshot, const auto& expected, const auto& running) {
    for (unsigned source = 0; source < 12; ++source) {
      for (unsigned link = 0; link < 3; ++link) {
        for (unsigned interface = 0; interface < 6; ++interface) {
          const auto key =
              std::tuple(fmt::format("s{}", source), fmt::format("l{}", link), fmt::format("i{}", interface));
          const auto found = snapshot.find(std::get<0>(key), std::get<1>(key), std::get<2>(key));
          const auto link_set = expected.find(key);
          ASSERT_EQ(static_cast<bool>(found), link_set != expected.end());
          if (!found) continue;
          ASSERT_EQ(found.target_id, link_set->second);
          const auto target = running.find(link_set->second);
          ASSERT_EQ(*found.target, target == running.end() ? nullptr : target->second);
        }
      }
    }
  };
  for (int change = 0; change < 600; ++change) {
    const auto kept = table.snapshot();
    const auto kept_links = links;
    const auto kept_targets = targets;
    if (pick(3) == 0) {
      const auto id = name('t', 80);
      if (pick(2) == 0) {
        targets[id] = std::make_shared<NamedTarget>(id);
        table.set_target(id, targets[id]);
      } else {
        targets.erase(id);
        table.set_target(id, nullptr);
      }
    } else {
      const auto source = name('s', 12);
      std::erase_if(links, [&](const auto& link) { return std::get<0>(link.first) == source; });
      std::vector<Route> routes;
      for (unsigned count = pick(8); count > 0; --count) {
        routes.push_back(route(name('t', 80), name('i', 6), name('l', 3)));
        links[{source, routes.back().link_name, routes.back().interface}] = routes.back().target_id;
      }
      table.set_routes(source, std::move(routes));
    }
    ASSERT_NO_FATAL_FAILURE(check(*table.snapshot(), links, targets)) << "change " << change;
    ASSERT_NO_FATAL_FAILURE(check(*kept, kept_links, kept_targets)) << "an older snapshot, change " << change;
  }
}

}  // namespace
}  // namespace weft::dispatch
