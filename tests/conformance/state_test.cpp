// SPDX-License-Identifier: Apache-2.0
// What the two buckets hold, and what foreign writers may do. Source: control-plane facts 4; Q9.
#include "conformance/lattice_fixture.hpp"

namespace weft::conformance {
namespace {

class StateTest : public LatticeTest {
 protected:
  const std::string data_ = std::string("LATTICEDATA_") + kLattice;
  const std::string config_data_ = std::string("CONFIGDATA_") + kLattice;

  json::value stream(const std::string& bucket) {
    const auto info = client_->request("$JS.API.STREAM.INFO.KV_" + bucket, "");
    return info ? parsed(info->payload) : json::value();
  }
  std::size_t links() { return ask("link.get").response().as_array().size(); }
  bool shows(const json::object& wanted) {
    return eventually([&] {
      for (const auto& one : ask("link.get").response().as_array()) {
        if (one == json::value(wanted)) return true;
      }
      return false;
    });
  }
};

TEST_F(StateTest, buckets_are_created_with_the_names_and_settings_of_1_9) {
  up();
  for (const auto& bucket : {data_, config_data_}) {
    const auto config = stream(bucket).at("config");
    EXPECT_EQ(config.at("name"), json::value("KV_" + bucket));
    EXPECT_EQ(config.at("subjects"), json::value(json::array{"$KV." + bucket + ".>"}));
    EXPECT_EQ(config.at("max_msgs_per_subject"), json::value(1));
    EXPECT_EQ(config.at("num_replicas"), json::value(1));
    EXPECT_EQ(config.at("storage"), json::value("file"));
    EXPECT_EQ(config.at("max_age"), json::value(0));
    EXPECT_EQ(config.at("max_bytes"), json::value(-1));
    EXPECT_EQ(config.at("max_msgs"), json::value(-1));
    EXPECT_EQ(config.at("max_msg_size"), json::value(-1));
    EXPECT_EQ(config.at("allow_rollup_hdrs"), json::value(true));
    EXPECT_EQ(config.at("deny_delete"), json::value(true));
    EXPECT_FALSE(config.as_object().contains("deny_purge") && config.at("deny_purge").as_bool());
    EXPECT_EQ(config.at("allow_direct"), json::value(true));
    EXPECT_EQ(config.at("discard"), json::value("new"));
    EXPECT_FALSE(config.as_object().contains("description") && !config.at("description").as_string().empty());
  }
}

TEST_F(StateTest, a_bucket_that_is_there_is_used_as_it_is) {
  const auto made = client_->request("$JS.API.STREAM.CREATE.KV_" + data_,
                                     to_text(json::object{{"name", "KV_" + data_},
                                                          {"subjects", json::array{"$KV." + data_ + ".>"}},
                                                          {"max_msgs_per_subject", 5},
                                                          {"storage", "memory"},
                                                          {"retention", "limits"},
                                                          {"discard", "new"},
                                                          {"allow_rollup_hdrs", true},
                                                          {"allow_direct", false},
                                                          {"num_replicas", 1}}));
  ASSERT_TRUE(made);
  up();
  EXPECT_EQ(stream(data_).at("config").at("max_msgs_per_subject"), json::value(5));
  EXPECT_TRUE(ask("link.put", link("cart", "kv")).success());
  EXPECT_EQ(links(), 1U);
}

TEST_F(StateTest, links_of_another_writer_are_picked_up) {
  up();
  ASSERT_TRUE(client_->store(data_, "COMPONENT_cart",
                             to_text(json::object{{"url", "x"}, {"links", json::array{link("cart", "kv")}}})));
  EXPECT_TRUE(shows(link("cart", "kv")));
  ASSERT_TRUE(client_->store(data_, "COMPONENT_cart", R"({"url":"x","links":[]})"));
  EXPECT_TRUE(eventually([&] { return links() == 0; }));
  ASSERT_TRUE(client_->store(data_, "COMPONENT_cart", R"({"url":"x"})")) << "links may be left out";
  EXPECT_TRUE(ask("link.put", link("cart", "kv")).success());
  EXPECT_TRUE(shows(link("cart", "kv")));
}

TEST_F(StateTest, a_running_component_is_routed_by_links_of_another_writer) {
  up();
  start_web();
  scale("hello", "hello-c", 5);
  scale("hello2", "hello-cpp", 5);
  ASSERT_TRUE(client_->store(
      data_, "COMPONENT_web",
      to_text(json::object{{"url", "http-server"},
                           {"links", json::array{link("web", "hello", "wasi:http", {"incoming-handler"})}}})));
  EXPECT_TRUE(eventually([&] { return get() == "200 hello from C\n"; })) << get();
  ASSERT_TRUE(client_->store(
      data_, "COMPONENT_web",
      to_text(json::object{{"url", "http-server"},
                           {"links", json::array{link("web", "hello2", "wasi:http", {"incoming-handler"})}}})));
  EXPECT_TRUE(eventually([&] { return get() == "200 hello from C++\n"; })) << "without a restart: " << get();
}

TEST_F(StateTest, a_key_is_split_at_its_first_underscore) {
  up();
  ASSERT_TRUE(client_->store(data_, "COMPONENT_a_b_c",
                             to_text(json::object{{"url", ""}, {"links", json::array{link("a_b_c", "kv")}}})));
  EXPECT_TRUE(shows(link("a_b_c", "kv")));
  EXPECT_EQ(ask("link.del", {{"source_id", "a_b_c"}, {"wit_namespace", "wasi"}, {"wit_package", "keyvalue"}}).message(),
            "successfully deleted link");
}

TEST_F(StateTest, unknown_and_legacy_keys_and_unreadable_values_are_ignored) {
  up();
  const std::vector<std::pair<std::string, std::string>> entries = {
      {"LINKDEF_x", R"({"actor_id":"a","contract_id":"c"})"},
      {"REFMAP_x", "{}"},
      {"SOMETHING_else", "{}"},
      {"nounderscore", "x"},
      {"COMPONENT", "{}"},
      {"COMPONENT_broken", "{not json"},
      {"COMPONENT_empty", ""},
      {"COMPONENT_list", "[]"},
      {"COMPONENT_faulty", R"({"url":1,"links":{}})"},
      {"CLAIMS_broken", "["},
      {"CLAIMS_other", R"({"subject":"another","issuer":"A","name":"n","revision":"0","version":""})"}};
  for (const auto& [key, value] : entries) {
    ASSERT_TRUE(client_->store(data_, key, value));
  }
  ASSERT_TRUE(client_->store(data_, "COMPONENT_last",
                             to_text(json::object{{"url", ""}, {"links", json::array{link("last", "kv")}}})));
  EXPECT_TRUE(shows(link("last", "kv"))) << "what follows is read";
  EXPECT_EQ(links(), 1U);
  EXPECT_TRUE(ask("claims.get").response().as_array().empty()) << "a key must equal the subject";
  down();
  up();
  EXPECT_EQ(links(), 1U) << "and so after a restart";
}

TEST_F(StateTest, unknown_members_of_stored_values_are_ignored) {
  up();
  auto stored = link("cart", "kv");
  stored["x_future"] = json::object{{"a", 1}};
  ASSERT_TRUE(
      client_->store(data_, "COMPONENT_cart",
                     to_text(json::object{{"url", "x"}, {"links", json::array{stored}}, {"x_more", json::array()}})));
  EXPECT_TRUE(shows(link("cart", "kv")));
}

TEST_F(StateTest, a_delete_marker_of_a_specification_changes_nothing) {
  up();
  EXPECT_TRUE(ask("link.put", link("cart", "kv")).success());
  client_->erase(data_, "COMPONENT_cart");
  EXPECT_TRUE(ask("link.put", link("shop", "kv")).success()) << "the watch has passed the marker now";
  EXPECT_EQ(links(), 2U);
}

TEST_F(StateTest, claims_of_another_writer_are_listed_in_every_stored_form) {
  up();
  const std::string component = "MDX646OUGTPYCAAHVFRUE2CUVGZ2HZVDEZSJT7C76R6QIVUMUX4FIFLW";
  const std::string issuer = "ADKM745PT6MFHLCXFG52EDV2BVA4EEOVLFH7PRLHVS5CGCWEPWBS46SJ";
  const auto entry = [&](const std::string& tags) {
    return json::object{{"call_alias", ""}, {"iss", issuer},     {"issuer", issuer}, {"name", "cart"},
                        {"rev", "0"},       {"revision", "0"},   {"sub", component}, {"subject", component},
                        {"tags", tags},     {"version", "1.4.0"}};
  };
  const auto lists = [&](const json::value& expected) {
    return eventually([&] { return ask("claims.get").response() == expected; });
  };
  ASSERT_TRUE(client_->store(data_, "CLAIMS_" + component,
                             to_text(json::object{{"call_alias", ""},
                                                  {"issuer", issuer},
                                                  {"name", "cart"},
                                                  {"revision", "0"},
                                                  {"subject", component},
                                                  {"tags", json::array()},
                                                  {"version", "1.4.0"}})));
  EXPECT_TRUE(lists(json::array{entry("")})) << to_text(ask("claims.get").response());
  ASSERT_TRUE(client_->store(data_, "CLAIMS_" + component,
                             to_text(json::object{{"call_alias", ""},
                                                  {"iss", issuer},
                                                  {"name", "cart"},
                                                  {"rev", "0"},
                                                  {"sub", component},
                                                  {"tags", "a,b"},
                                                  {"version", "1.4.0"}})));
  EXPECT_TRUE(lists(json::array{entry("a,b")})) << to_text(ask("claims.get").response());
  const std::string provider = "VAHNM37G4ARHZ3CYHB3L4M5RNVIGJ2GCPWZPRHDRPXTWSYMK7N5JYPBH";
  ASSERT_TRUE(client_->store(
      data_, "CLAIMS_" + provider,
      to_text(json::object{
          {"issuer", issuer}, {"name", "http"}, {"revision", "3"}, {"subject", provider}, {"version", "0.1.0"}})));
  EXPECT_TRUE(lists(json::array{entry("a,b"), json::object{{"iss", issuer},
                                                           {"issuer", issuer},
                                                           {"name", "http"},
                                                           {"rev", "3"},
                                                           {"revision", "3"},
                                                           {"sub", provider},
                                                           {"subject", provider},
                                                           {"version", "0.1.0"},
                                                           {"config_schema", ""}}}))
      << "components first, then providers: " << to_text(ask("claims.get").response());
  client_->erase(data_, "CLAIMS_" + component);
  EXPECT_TRUE(eventually([&] { return ask("claims.get").response().as_array().size() == 1; })) << "evicted by key (Q9)";
}

TEST_F(StateTest, a_configuration_of_another_writer_counts_at_once) {
  up();
  ASSERT_TRUE(client_->store(config_data_, "foreign", R"({"a":"b"})"));
  EXPECT_JSON_EQ(ask("config.get.foreign").response(), (json::object{{"a", "b"}}));
  auto given = link("cart", "kv");
  given["target_config"] = json::array{"foreign"};
  EXPECT_TRUE(eventually([&] { return ask("link.put", given).success(); }));
}

TEST_F(StateTest, writes_go_through_the_domain_of_jetstream) {
  auto hub =
      test::NatsServer::start({.jetstream = true, .domain = "hub", .configuration = "debug: true\ntrace: true\n"});
  ASSERT_NE(hub, nullptr);
  auto spy = LatticeClient::connect(hub->url());
  config_.nats->urls = {hub->url()};
  config_.nats->jetstream_domain = "hub";
  up();
  const auto put = spy->request(ctl("config.put.a"), R"({"x":"y"})");
  ASSERT_TRUE(put && put->payload.find("\"success\":true") != std::string::npos);
  // The server maps the subject before anybody sees it; its log has what was sent.
  EXPECT_NE(hub->log().find("[PUB $JS.hub.API.$KV." + config_data_ + ".a "), std::string::npos);
  EXPECT_EQ(spy->stored(config_data_, "a"), R"({"x":"y"})");
  const auto ping = spy->request(ctl("host.ping"), "");
  ASSERT_TRUE(ping);
  EXPECT_EQ(parsed(ping->payload).at("response").at("js_domain"), json::value("hub"));
  down();
}

}  // namespace
}  // namespace weft::conformance
