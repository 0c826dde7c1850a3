// SPDX-License-Identifier: Apache-2.0
// Links. Source: control-plane facts 3.13, 9.6; live-host C7, C8, C15; Q8, Q10, Q13.
#include "conformance/lattice_fixture.hpp"

namespace weft::conformance {
namespace {

class LinkTest : public LatticeTest {
 protected:
  void SetUp() override {
    LatticeTest::SetUp();
    if (!IsSkipped()) up();
  }
  json::value stored(const std::string& id) {
    return parsed(client_->stored(std::string("LATTICEDATA_") + kLattice, "COMPONENT_" + id).value_or(""));
  }
  json::array all() { return ask("link.get").response().as_array(); }
  static json::object deletion(const std::string& source) {
    return {{"source_id", source}, {"name", "default"}, {"wit_namespace", "wasi"}, {"wit_package", "keyvalue"}};
  }
};

TEST_F(LinkTest, a_link_is_stored_told_and_found) {
  const auto given = link("cart", "kv", "wasi:keyvalue", {"store", "atomics"});
  const auto events = events_of([&] {
    EXPECT_JSON_EQ(ask("link.put", given).json,
                   (json::object{{"success", true}, {"message", "successfully set link"}}));
  });
  ASSERT_EQ(names(events), "linkdef_set");
  EXPECT_JSON_EQ(events[0].data(), given);
  EXPECT_JSON_EQ(stored("cart"), (json::object{{"url", ""}, {"links", json::array{given}}}));
  EXPECT_JSON_EQ(all(), json::array{given});
}

TEST_F(LinkTest, name_and_configurations_may_be_left_out) {
  EXPECT_TRUE(
      ask("link.put",
          std::string(R"({"source_id":"a","target":"b","wit_namespace":"c","wit_package":"d","interfaces":["e"]})"))
          .success());
  EXPECT_JSON_EQ(all(), json::array{link("a", "b", "c:d", {"e"})});
}

TEST_F(LinkTest, a_name_of_a_configuration_that_is_not_there_is_refused_before_anything_is_stored) {
  auto given = link("cart", "kv");
  given["source_config"] = json::array{"one"};
  given["target_config"] = json::array{"two", "SECRET_three"};
  Answer answer;
  const auto events = events_of([&] { answer = ask("link.put", given); });
  EXPECT_FALSE(answer.success());
  for (const auto* part : {"Configuration one", "Configuration two", "Secret reference SECRET_three"}) {
    EXPECT_NE(answer.message().find(part), std::string::npos) << answer.message();
  }
  ASSERT_EQ(names(events), "linkdef_set_failed");
  auto data = events[0].data();
  EXPECT_NE(to_text(data.at("error")).find("Configuration one"), std::string::npos);
  data.erase("error");
  EXPECT_JSON_EQ(data, given) << "the eight members of the link";
  EXPECT_TRUE(stored("cart").is_null());
}

TEST_F(LinkTest, a_second_target_for_a_shared_interface_is_a_conflict) {
  EXPECT_TRUE(ask("link.put", link("cart", "kv", "wasi:keyvalue", {"store", "atomics"})).success());
  Answer answer;
  const auto events =
      events_of([&] { answer = ask("link.put", link("cart", "other", "wasi:keyvalue", {"atomics", "batch"})); });
  EXPECT_FALSE(answer.success());
  EXPECT_NE(answer.message().find("link already exists with different target"), std::string::npos) << answer.message();
  EXPECT_EQ(names(events), "linkdef_set_failed");
  // Not in the way of each other: other interfaces, another name, another package, another source.
  EXPECT_TRUE(ask("link.put", link("cart", "other", "wasi:keyvalue", {"batch"})).success());
  auto named = link("cart", "other");
  named["name"] = "second";
  EXPECT_TRUE(ask("link.put", named).success());
  EXPECT_TRUE(ask("link.put", link("cart", "other", "wasi:blobstore")).success());
  EXPECT_TRUE(ask("link.put", link("shop", "other")).success());
  EXPECT_EQ(all().size(), 5U);
}

TEST_F(LinkTest, the_same_link_is_replaced_in_place) {
  put_config("url", R"({"url":"x"})");
  EXPECT_TRUE(ask("link.put", link("cart", "kv", "wasi:keyvalue", {"store"})).success());
  EXPECT_TRUE(ask("link.put", link("cart", "blob", "wasi:blobstore")).success());
  auto changed = link("cart", "kv", "wasi:keyvalue", {"atomics"});
  changed["target_config"] = json::array{"url"};
  EXPECT_TRUE(ask("link.put", changed).success());
  EXPECT_JSON_EQ(stored("cart").at("links"), (json::array{changed, link("cart", "blob", "wasi:blobstore")}));
}

TEST_F(LinkTest, empty_interfaces_and_ids_are_taken) {
  EXPECT_TRUE(ask("link.put", link("cart", "kv", "wasi:keyvalue", {})).success());
  EXPECT_TRUE(ask("link.put", link("", "kv")).success());
  EXPECT_TRUE(ask("link.put", link("cart", "", "a:b")).success());
  EXPECT_EQ(all().size(), 3U);
  EXPECT_FALSE(stored("").is_null()) << "the key is COMPONENT_";
}

TEST_F(LinkTest, a_source_that_is_no_key_fails) {
  for (const auto* id : {"a b", "ü", "a.", "x*"}) {
    Answer answer;
    const auto events = events_of([&] { answer = ask("link.put", link(id, "kv")); });
    EXPECT_FALSE(answer.success()) << id;
    EXPECT_TRUE(answer.message().starts_with("failed to get component spec")) << answer.message();
    EXPECT_EQ(names(events), "linkdef_set_failed");
  }
}

TEST_F(LinkTest, deleting_is_idempotent_and_tells_what_was_there) {
  auto events = events_of([&] {
    EXPECT_JSON_EQ(ask("link.del", deletion("cart")).json,
                   (json::object{{"success", true}, {"message", "successfully deleted link (spec doesn't exist)"}}));
  });
  EXPECT_EQ(names(events), "");
  EXPECT_TRUE(ask("link.put", link("cart", "kv", "wasi:keyvalue", {"store", "atomics"})).success());
  auto gone = deletion("cart");
  events = events_of([&] { EXPECT_EQ(ask("link.del", gone).message(), "successfully deleted link"); });
  ASSERT_EQ(names(events), "linkdef_deleted");
  auto expected = gone;
  expected["target"] = "kv";
  expected["interfaces"] = json::array{"store", "atomics"};
  EXPECT_JSON_EQ(events[0].data(), expected);
  EXPECT_JSON_EQ(stored("cart"), (json::object{{"url", ""}, {"links", json::array()}}));
  events = events_of([&] { EXPECT_EQ(ask("link.del", gone).message(), "successfully deleted link"); });
  ASSERT_EQ(names(events), "linkdef_deleted");
  EXPECT_JSON_EQ(events[0].data(), gone) << "without target and interfaces: nothing was removed";
  gone.erase("name");
  EXPECT_TRUE(ask("link.del", gone).success()) << "the name's default is `default`";
}

// Q10: the first that matches goes, whatever its target and interfaces are; never several.
TEST_F(LinkTest, one_deletion_removes_one_link) {
  EXPECT_TRUE(ask("link.put", link("cart", "kv", "wasi:keyvalue", {"store"})).success());
  EXPECT_TRUE(ask("link.put", link("cart", "other", "wasi:keyvalue", {"atomics"})).success());
  ask("link.del", deletion("cart"));
  EXPECT_JSON_EQ(all(), (json::array{link("cart", "other", "wasi:keyvalue", {"atomics"})}));
}

TEST_F(LinkTest, providers_older_than_1_1_are_told_under_both_ids) {
  put_config("a", R"({"url":"one","x":"1"})");
  put_config("b", R"({"url":"two"})");
  const auto copies = client_->listen(std::string("wasmbus.rpc.") + kLattice + ".>");
  auto given = link("cart", "kv");
  given["source_config"] = json::array{"b"};
  given["target_config"] = json::array{"a", "b"};
  EXPECT_TRUE(ask("link.put", given).success());
  auto told = copies->wait_for(2);
  ASSERT_EQ(told.size(), 2U);
  EXPECT_EQ(told[0].subject, "wasmbus.rpc.conf.cart.linkdefs.put");
  EXPECT_EQ(told[1].subject, "wasmbus.rpc.conf.kv.linkdefs.put");
  auto resolved = given;
  resolved["source_config"] = json::object{{"url", "two"}};
  resolved["target_config"] = json::object{{"url", "two"}, {"x", "1"}};
  resolved["source_secrets"] = nullptr;
  resolved["target_secrets"] = nullptr;
  EXPECT_JSON_EQ(parsed(told[0].payload), resolved);
  EXPECT_EQ(told[0].payload, told[1].payload);
  EXPECT_TRUE(ask("link.del", deletion("cart")).success());
  told = copies->wait_for(4);
  ASSERT_EQ(told.size(), 4U);
  EXPECT_EQ(told[2].subject, "wasmbus.rpc.conf.cart.linkdefs.del");
  EXPECT_EQ(told[3].subject, "wasmbus.rpc.conf.kv.linkdefs.del");
  resolved["source_config"] = json::object();
  resolved["target_config"] = json::object();
  EXPECT_JSON_EQ(parsed(told[2].payload), resolved);
  // Nothing was removed: nothing is told. A link with secrets is never told in the clear.
  EXPECT_TRUE(ask("link.del", deletion("cart")).success());
  put_config("SECRET_x", "{}");
  given["target_config"] = json::array{"SECRET_x"};
  EXPECT_TRUE(ask("link.put", given).success());
  client_->publish(std::string("wasmbus.rpc.") + kLattice + ".mark", "");
  EXPECT_EQ(copies->wait_for(5)[4].subject, "wasmbus.rpc.conf.mark");
}

// 1.9 reads, changes and writes without a look at the revision and loses links so (Q8, live-host B8).
TEST_F(LinkTest, links_put_at_the_same_time_are_all_kept) {
  constexpr std::size_t kLinks = 100;
  const auto inbox = client_->new_inbox();
  const auto replies = client_->listen(inbox);
  for (std::size_t index = 0; index < kLinks; ++index) {
    client_->publish(ctl("link.put"), to_text(link("cart", "kv", "acme:p" + std::to_string(index))), inbox);
  }
  for (const auto& reply : replies->wait_for(kLinks)) {
    EXPECT_NE(reply.payload.find("\"success\":true"), std::string::npos) << reply.payload;
  }
  EXPECT_EQ(all().size(), kLinks);
}

}  // namespace
}  // namespace weft::conformance
