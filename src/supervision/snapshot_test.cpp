// SPDX-License-Identifier: Apache-2.0
#include "supervision/snapshot.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weft::supervision {
namespace {

constexpr WallTime kStart{std::chrono::milliseconds(1'700'000'000'123)};

NodeInfo example() {
  NodeInfo leaf{.id = 3, .name = "http-0", .kind = "http-server", .state = NodeState::backing_off, .restarts = 2};
  leaf.last_failure = NodeFailure{"address\nin use", kStart};
  NodeInfo ingress{.id = 2, .name = "ingress", .kind = "supervisor", .state = NodeState::ready};
  ingress.strategy = Strategy::one_for_one;
  ingress.started_at = kStart;
  ingress.children = {leaf, leaf};
  NodeInfo root{.id = 1, .name = "host", .kind = "host", .state = NodeState::ready};
  root.strategy = Strategy::rest_for_one;
  root.started_at = kStart;
  root.children = {ingress, {.id = 4, .name = "clock", .kind = "reconciler", .restart = Restart::transient}};
  return root;
}

TEST(SnapshotTest, is_a_tree_for_people) {
  EXPECT_EQ(to_text(example(), kStart + std::chrono::minutes(3)),
            "host [host] ready 3m rest-for-one\n"
            "├─ ingress [supervisor] ready 3m one-for-one\n"
            "│  ├─ http-0 [http-server] backing-off restarts=2 (3m ago: address in use)\n"
            "│  └─ http-0 [http-server] backing-off restarts=2 (3m ago: address in use)\n"
            "└─ clock [reconciler] waiting\n");
}

TEST(SnapshotTest, cuts_long_failures_between_characters) {
  NodeInfo node{.name = "n", .kind = "k"};
  node.last_failure = NodeFailure{std::string(119, 'x') + "ääää", kStart};
  EXPECT_EQ(to_text(node, kStart), "n [k] waiting (0s ago: " + std::string(119, 'x') + "...)\n");
}

TEST(SnapshotTest, is_json_for_programs) {
  const auto text = to_json(example());
  EXPECT_THAT(text,
              testing::StartsWith(R"({"id":1,"name":"host","kind":"host","state":"ready","restart":"permanent",)"));
  EXPECT_THAT(text, testing::HasSubstr(R"("startedAt":"2023-11-14T22:13:20.123Z")"));
  EXPECT_THAT(text, testing::HasSubstr(R"("lastFailure":{"text":"address\nin use","at":"2023-11-14T22:13:20.123Z"})"));
  EXPECT_THAT(text, testing::HasSubstr(R"("strategy":"one-for-one","children":[{"id":3)"));
}

}  // namespace
}  // namespace weft::supervision
