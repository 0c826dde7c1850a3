// SPDX-License-Identifier: Apache-2.0
// Named configurations, as clients store them and as a guest sees them. Source: control-plane facts 3.15, 9.1-9.3;
// live-host C7.
#include "conformance/lattice_fixture.hpp"

namespace weft::conformance {
namespace {

class ConfigTest : public LatticeTest {
 protected:
  void SetUp() override {
    LatticeTest::SetUp();
    if (!IsSkipped()) up();
  }
  void start_probe(const json::array& configs) {
    start_web();
    EXPECT_TRUE(ask("link.put", link("web", "probe", "wasi:http", {"incoming-handler"})).success());
    rescale(configs, 10);
  }
  void rescale(const json::array& configs, std::uint64_t count) {
    auto command = scale_command("probe", app("config-probe"), count);
    command["config"] = configs;
    carry_out(ours("component.scale"), command);
  }
};

TEST_F(ConfigTest, the_bytes_are_stored_as_they_came) {
  const auto writes = client_->listen(std::string("$KV.CONFIGDATA_") + kLattice + ".>");
  const std::string body = "{ \"b\" : \"2\",\n\t\"a\":\"\\u00fc\" }";
  const auto events = events_of([&] {
    EXPECT_JSON_EQ(ask("config.put.shop-cart_defaults", body).json,
                   (json::object{{"success", true}, {"message", "successfully put config"}}));
  });
  ASSERT_EQ(names(events), "config_set");
  EXPECT_JSON_EQ(events[0].data(), (json::object{{"config_name", "shop-cart_defaults"}}));
  const auto written = writes->wait_for(1);
  ASSERT_EQ(written.size(), 1U);
  EXPECT_EQ(written[0].subject, "$KV.CONFIGDATA_conf.shop-cart_defaults");
  EXPECT_EQ(written[0].payload, body);
  EXPECT_TRUE(written[0].headers.empty()) << "a put has no marker";
  EXPECT_JSON_EQ(ask("config.get.shop-cart_defaults").response(), (json::object{{"b", "2"}, {"a", "\xc3\xbc"}}));
}

TEST_F(ConfigTest, absent_and_empty_are_told_apart) {
  EXPECT_JSON_EQ(ask("config.get.none").json,
                 (json::object{{"success", true}, {"message", "Configuration not found"}}));
  put_config("none", "{}");
  EXPECT_JSON_EQ(ask("config.get.none").json,
                 (json::object{{"success", true}, {"message", ""}, {"response", json::object()}}));
}

TEST_F(ConfigTest, a_put_replaces_the_whole_entry) {
  put_config("a", R"({"x":"1","y":"2"})");
  put_config("a", R"({"y":"3"})");
  EXPECT_JSON_EQ(ask("config.get.a").response(), (json::object{{"y", "3"}}));
}

TEST_F(ConfigTest, a_deletion_is_a_purge_and_idempotent) {
  put_config("a", R"({"x":"1"})");
  const auto writes = client_->listen(std::string("$KV.CONFIGDATA_") + kLattice + ".>");
  const auto events = events_of([&] {
    for (const auto* name : {"a", "a", "never"}) {
      EXPECT_JSON_EQ(ask(std::string("config.del.") + name).json,
                     (json::object{{"success", true}, {"message", "successfully deleted config"}}));
    }
  });
  EXPECT_EQ(names(events), "config_deleted config_deleted config_deleted");
  const auto written = writes->wait_for(1);
  ASSERT_FALSE(written.empty());
  EXPECT_EQ(written[0].header("KV-Operation"), "PURGE");
  EXPECT_EQ(written[0].header("Nats-Rollup"), "sub");
  EXPECT_EQ(written[0].payload, "");
  EXPECT_FALSE(ask("config.get.a").has_response());
}

TEST_F(ConfigTest, a_stored_value_that_is_no_map_of_strings_is_a_failure) {
  for (const auto* value : {"[]", "{\"a\":1}", "nonsense", ""}) {
    ASSERT_TRUE(client_->store(std::string("CONFIGDATA_") + kLattice, "odd", value));
    EXPECT_FALSE(ask("config.get.odd").success()) << value;
  }
}

TEST_F(ConfigTest, names_that_are_no_keys_are_refused_with_1_9s_sentences) {
  for (const auto* name : {"a:b", "\xc3\xbc", "a$b"}) {
    const auto events = events_of([&] {
      const auto put = ask(std::string("config.put.") + name, std::string("{}"));
      EXPECT_FALSE(put.success());
      EXPECT_TRUE(put.message().starts_with("unable to store config data")) << put.message();
      const auto got = ask(std::string("config.get.") + name);
      EXPECT_FALSE(got.success());
      EXPECT_TRUE(got.message().starts_with("key cannot be empty or start/end with `.`")) << got.message();
      const auto deleted = ask(std::string("config.del.") + name);
      EXPECT_FALSE(deleted.success());
      EXPECT_TRUE(deleted.message().starts_with("Unable to delete config data")) << deleted.message();
    });
    EXPECT_EQ(names(events), "") << name;
  }
  EXPECT_EQ(ask("config.put", std::string("{}")).message(), "unsupported subject");
}

TEST_F(ConfigTest, secret_references_are_stored_by_the_same_operations) {
  const std::string reference =
      R"({"name":"db","type":"secret.wasmcloud.dev/v1alpha1","backend":"vault","key":"shop/db","policy":"{}"})";
  put_config("SECRET_db", reference);
  EXPECT_JSON_EQ(ask("config.get.SECRET_db").response(), parsed(reference));
  auto command = scale_command("cart", app("hello-c"), 1);
  command["config"] = json::array{"SECRET_db"};
  const auto events = events_of([&] { carry_out(ours("component.scale"), command); });
  EXPECT_EQ(names(events), "component_scale_failed") << "a secret without a backend fails (9.4)";
}

TEST_F(ConfigTest, a_guest_sees_the_right_most_of_equal_keys) {
  put_config("a", R"({"x":"1","y":"2"})");
  put_config("b", R"({"y":"3"})");
  start_probe({"a", "b"});
  EXPECT_EQ(get(), "200 x=1\ny=3\n");
  EXPECT_EQ(get("/y"), "200 3");
  EXPECT_EQ(get("/z"), "404 ");
  rescale({"b", "a"}, 10);
  EXPECT_EQ(get(), "200 x=1\ny=2\n");
  rescale({}, 10);
  EXPECT_EQ(get(), "200 ") << "an empty list differs from one with names";
}

TEST_F(ConfigTest, a_change_reaches_a_running_guest_without_a_restart) {
  put_config("a", R"({"x":"1","y":"2"})");
  put_config("b", R"({"y":"3"})");
  start_probe({"a", "b"});
  put_config("b", R"({"y":"4","z":"5"})");
  EXPECT_TRUE(eventually([&] { return get() == "200 x=1\ny=4\nz=5\n"; })) << get();
  EXPECT_TRUE(ask("config.del.b").success());
  EXPECT_TRUE(eventually([&] { return get() == "200 x=1\ny=2\n"; }))
      << "what it gave is gone, the rest stays: " << get();
  EXPECT_TRUE(ask("config.del.a").success());
  EXPECT_TRUE(eventually([&] { return get() == "200 "; })) << get();
  put_config("a", R"({"x":"again"})");
  EXPECT_TRUE(eventually([&] { return get() == "200 x=again\n"; })) << get();
  // By somebody else's hand, and what cannot be read is passed over.
  ASSERT_TRUE(client_->store(std::string("CONFIGDATA_") + kLattice, "a", "[nonsense"));
  ASSERT_TRUE(client_->store(std::string("CONFIGDATA_") + kLattice, "b", R"({"y":"foreign"})"));
  EXPECT_TRUE(eventually([&] { return get() == "200 x=again\ny=foreign\n"; })) << get();
}

TEST_F(ConfigTest, what_is_not_in_its_list_is_hidden_from_a_guest) {
  put_config("a", R"({"x":"1"})");
  put_config("other", R"({"password":"hidden"})");
  start_probe({"a"});
  EXPECT_EQ(get(), "200 x=1\n");
  EXPECT_EQ(get("/password"), "404 ");
}

}  // namespace
}  // namespace weft::conformance
