// SPDX-License-Identifier: Apache-2.0
#include "wire/link.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wire/test_json.hpp"

namespace weft::wire {
namespace {

constexpr std::string_view kLink =
    R"({"source_id":"shop-cart","target":"shop-kv","name":"default","wit_namespace":"wasi",
        "wit_package":"keyvalue","interfaces":["store","atomics"],
        "source_config":[],"target_config":["shop-kv_url","SECRET_shop-kv_password"]})";

Link cart_to_kv() {
  return {.source_id = "shop-cart",
          .target = "shop-kv",
          .wit_namespace = "wasi",
          .wit_package = "keyvalue",
          .interfaces = {"store", "atomics"},
          .source_config = {},
          .target_config = {"shop-kv_url", "SECRET_shop-kv_password"}};
}

TEST(LinkTest, reads_and_writes_all_eight_members) {
  const auto link = decode_link(kLink);
  ASSERT_TRUE(link);
  EXPECT_EQ(*link, cart_to_kv());
  EXPECT_TRUE(same_json(encode(*link), kLink));
}

TEST(LinkTest, takes_defaults_for_name_and_configuration) {
  const auto link =
      decode_link(R"({"source_id":"","target":"","wit_namespace":"a","wit_package":"b","interfaces":[],"future":1})");
  ASSERT_TRUE(link);
  EXPECT_EQ(link->name, "default");
  EXPECT_TRUE(link->source_config.empty());
}

TEST(LinkTest, names_a_missing_member) {
  const auto link = decode_link(R"({"source_id":"a","target":"b","wit_namespace":"a","wit_package":"b"})");
  ASSERT_FALSE(link);
  EXPECT_EQ(link.error().code(), Errc::malformed);
  EXPECT_EQ(link.error().message(), "link: member `interfaces` is missing");
  EXPECT_EQ(decode_link("[]").error().message(), "link: must be an object");
}

TEST(LinkTest, reads_and_writes_stored_specifications) {
  const auto spec =
      decode_component_spec(R"({"url":"registry.example.net/shop/cart:1.4.0","links":[)" + std::string(kLink) + "]}");
  ASSERT_TRUE(spec);
  EXPECT_EQ(spec->url, "registry.example.net/shop/cart:1.4.0");
  ASSERT_EQ(spec->links.size(), 1U);
  EXPECT_EQ(spec->links.front(), cart_to_kv());
  EXPECT_EQ(decode_component_spec(encode(*spec)).operator*(), *spec);
  EXPECT_EQ(encode(ComponentSpec{}), R"({"url":"","links":[]})");
  EXPECT_TRUE(decode_component_spec(R"({"url":""})")->links.empty());
  EXPECT_EQ(decode_component_spec("{}").error().message(), "component specification: member `url` is missing");
  EXPECT_EQ(decode_component_spec(R"({"url":"","links":[{}]})").error().message(),
            "component specification: member `links` at index 0: member `source_id` is missing");
}

TEST(LinkTest, finds_a_link_that_another_target_conflicts_with) {
  const std::vector links = {cart_to_kv()};
  auto added = cart_to_kv();
  EXPECT_EQ(find_conflict(links, added), nullptr) << "the same target is a replacement";
  added.target = "other-kv";
  EXPECT_EQ(find_conflict(links, added), links.data());
  added.interfaces = {"batch"};
  EXPECT_EQ(find_conflict(links, added), nullptr) << "no interface in common";
  added.interfaces = {"batch", "atomics"};
  EXPECT_EQ(find_conflict(links, added), links.data());
  added.name = "backup";
  EXPECT_EQ(find_conflict(links, added), nullptr);
}

TEST(LinkTest, replaces_a_link_or_appends_it) {
  std::vector links = {cart_to_kv()};
  auto added = cart_to_kv();
  added.interfaces = {"store"};
  EXPECT_FALSE(put_link(links, links.front())) << "it is there just so";
  EXPECT_TRUE(put_link(links, added));
  ASSERT_EQ(links.size(), 1U);
  EXPECT_EQ(links.front(), added);
  added.name = "backup";
  EXPECT_TRUE(put_link(links, added));
  ASSERT_EQ(links.size(), 2U);
  EXPECT_EQ(links.back(), added);
}

std::vector<std::string> texts_of(const std::vector<const Link*>& links) {
  std::vector<std::string> texts;
  for (const auto* link : links) texts.push_back(link->target + "/" + link->interfaces.front());
  return texts;
}

TEST(LinkTest, tells_which_links_of_a_list_have_come_changed_and_gone) {
  std::vector<Link> before;
  for (const std::string target : {"a", "b", "c", "d"}) {
    before.push_back(cart_to_kv());
    before.back().target = target;
    before.back().interfaces = {"store"};
  }
  EXPECT_TRUE(compare_links(before, before).gone.empty());
  EXPECT_TRUE(compare_links(before, before).put.empty());
  auto now = before;
  now.push_back(before[0]);
  now.back().target = "e";
  EXPECT_THAT(texts_of(compare_links(before, now).put), testing::ElementsAre("e/store"));
  EXPECT_TRUE(compare_links(before, now).gone.empty());
  now.erase(now.begin() + 1);
  now[1].interfaces = {"batch"};
  const auto changes = compare_links(before, now);
  EXPECT_THAT(texts_of(changes.put), testing::ElementsAre("c/batch", "e/store"));
  EXPECT_THAT(texts_of(changes.gone), testing::ElementsAre("b/store"));
  const std::vector reversed(before.rbegin(), before.rend());
  EXPECT_TRUE(compare_links(before, reversed).put.empty()) << "their order means nothing";
  EXPECT_TRUE(compare_links(before, reversed).gone.empty());
  EXPECT_EQ(compare_links(before, {}).gone.size(), 4U);
  EXPECT_EQ(compare_links({}, before).put.size(), 4U);
}

// Hosts of others may have stored one twice: it is gone when the last has gone.
TEST(LinkTest, a_link_that_is_in_a_list_twice_is_not_gone_when_one_is_left) {
  const std::vector twice = {cart_to_kv(), cart_to_kv()};
  const std::vector once = {cart_to_kv()};
  EXPECT_TRUE(compare_links(twice, once).gone.empty());
  EXPECT_TRUE(compare_links(twice, once).put.empty());
  EXPECT_EQ(compare_links(twice, {}).gone.size(), 2U);
}

}  // namespace
}  // namespace weft::wire
