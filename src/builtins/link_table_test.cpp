// SPDX-License-Identifier: Apache-2.0
#include "builtins/link_table.hpp"

#include <gtest/gtest.h>

#include <memory>

namespace weft::builtins {
namespace {

BuiltinLink link(std::string source, std::string name, std::string package, ConfigMap config) {
  return {.source = std::move(source),
          .target = "kv",
          .name = std::move(name),
          .wit_namespace = "wasi",
          .wit_package = std::move(package),
          .interfaces = {"store"},
          .source_config = {},
          .target_config = std::move(config)};
}

TEST(LinkTableTest, finds_the_configuration_by_source_name_and_package) {
  auto table = std::make_shared<const LinkTable>();
  table = table->with(link("a", "default", "keyvalue", {{"k", "1"}}));
  table = table->with(link("a", "default", "blobstore", {{"k", "2"}}));
  table = table->with(link("a", "other", "keyvalue", {{"k", "3"}}));
  EXPECT_EQ(table->find_config("a", "default", "wrpc:keyvalue/store@0.2.0-draft").at("k"), "1");
  EXPECT_EQ(table->find_config("a", "default", "wrpc:blobstore/blobstore@0.2.0").at("k"), "2");
  EXPECT_EQ(table->find_config("a", "other", "wrpc:keyvalue/atomics").at("k"), "3");
  EXPECT_TRUE(table->find_config("b", "default", "wrpc:keyvalue/store").empty());
}

TEST(LinkTableTest, an_equal_link_replaces_and_the_old_table_stays_as_it_was) {
  const auto before = std::make_shared<const LinkTable>()->with(link("a", "default", "keyvalue", {{"k", "1"}}));
  const auto after = before->with(link("a", "default", "keyvalue", {{"k", "2"}}));
  EXPECT_EQ(before->find_config("a", "default", "wrpc:keyvalue/store").at("k"), "1");
  EXPECT_EQ(after->find_config("a", "default", "wrpc:keyvalue/store").at("k"), "2");
}

TEST(LinkTableTest, deleting_is_idempotent) {
  const auto one = link("a", "default", "keyvalue", {{"k", "1"}});
  const auto table = std::make_shared<const LinkTable>()->with(one);
  EXPECT_TRUE(table->has_source("a"));
  const auto gone = table->without(one)->without(one);
  EXPECT_FALSE(gone->has_source("a"));
  EXPECT_TRUE(gone->find_config("a", "default", "wrpc:keyvalue/store").empty());
}

}  // namespace
}  // namespace weft::builtins
