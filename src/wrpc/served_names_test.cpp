// SPDX-License-Identifier: Apache-2.0
#include "wrpc/served_names.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weft::wrpc {
namespace {

using testing::ElementsAre;

std::string find(const ServedNames& names, std::string_view called) {
  const auto found = names.find(called);
  return found ? found->interface + "#" + found->function : "(none)";
}

TEST(ServedNamesTest, each_function_has_its_subject) {
  const ServedNames names({{.interface = "acme:a/b@1.0.0", .function = "get"},
                           {.interface = "acme:a/b@1.0.0", .function = "[method]cart.add"},
                           {.interface = "", .function = "run"}});
  EXPECT_THAT(names.subscribed(), ElementsAre("acme:a/b@1.0.0.get", "acme:a/b@1.0.0.cart.add", "run"));
  EXPECT_EQ(find(names, "acme:a/b@1.0.0.get"), "acme:a/b@1.0.0#get");
  EXPECT_EQ(find(names, "acme:a/b@1.0.0.cart.add"), "acme:a/b@1.0.0#[method]cart.add")
      << "its own name, not the wire's";
  EXPECT_EQ(find(names, "run"), "#run");
  for (const auto* const called : {"", ".", "acme:a/b@1.0.1.get", "acme:a/b.get", "acme:a/b@1.0.0.ge",
                                   "acme:a/b@1.0.0.get.x", "get", ".run", "x.run"}) {
    EXPECT_EQ(find(names, called), "(none)") << called;
  }
}

TEST(ServedNamesTest, an_interface_without_a_version_serves_every_one) {
  const ServedNames names(
      {{.interface = "acme:a/b", .function = "get"}, {.interface = "acme:a/b", .function = "[method]z.get"}});
  EXPECT_THAT(names.subscribed(), ElementsAre(">"));
  EXPECT_EQ(find(names, "acme:a/b.get"), "acme:a/b#get");
  EXPECT_EQ(find(names, "acme:a/b@0.2.0-draft.get"), "acme:a/b@0.2.0-draft#get");
  EXPECT_EQ(find(names, "acme:a/b@1.0.0.z.get"), "acme:a/b@1.0.0#[method]z.get")
      << "not the function get of version 1.0.0.z";
  for (const auto* const called : {"acme:a/b", "acme:a/b.", "acme:a/b@", "acme:a/bc@1.0.0.get", "acme:a/b@1.0.0.forget",
                                   "acme:a/b@1.0.0get", "acme:a/bget", "get", "acme:a/b@1.0.0.put", ""}) {
    EXPECT_EQ(find(names, called), "(none)") << called;
  }
}

TEST(ServedNamesTest, both_kinds_beside_each_other) {
  const ServedNames names(
      {{.interface = "acme:a/b@1.0.0", .function = "get"}, {.interface = "wasi:kv/c", .function = "get"}});
  EXPECT_THAT(names.subscribed(), ElementsAre(">"));
  EXPECT_EQ(find(names, "acme:a/b@1.0.0.get"), "acme:a/b@1.0.0#get");
  EXPECT_EQ(find(names, "acme:a/b@2.0.0.get"), "(none)");
  EXPECT_EQ(find(names, "wasi:kv/c@9.get"), "wasi:kv/c@9#get");
}

TEST(ServedNamesTest, nothing_is_subscribed_to_for_nothing) {
  const ServedNames names({});
  EXPECT_THAT(names.subscribed(), ElementsAre());
  EXPECT_EQ(find(names, "x"), "(none)");
}

}  // namespace
}  // namespace weft::wrpc
