// SPDX-License-Identifier: Apache-2.0
// Providers, as far as the control side goes. Source: control-plane facts 3.11, 7.1, 7.7, 7.8; Q14.
#include <algorithm>

#include "conformance/lattice_fixture.hpp"

namespace weft::conformance {
namespace {

class ProviderTest : public LatticeTest {
 protected:
  void SetUp() override {
    LatticeTest::SetUp();
    if (!IsSkipped()) up();
  }
  const json::object notes_{{"wasmcloud.dev/appspec", "shop"}};
  json::object start(const std::string& id, const std::string& ref) {
    return {{"provider_id", id},
            {"provider_ref", ref},
            {"host_id", host_id()},
            {"config", json::array()},
            {"annotations", notes_}};
  }
  const std::string keyvalue_ = "wasmcloud+builtin://keyvalue";
};

TEST_F(ProviderTest, a_start_is_accepted_and_told_with_the_stripped_reference) {
  const auto events = events_of([&] {
    const auto answer = ask(ours("provider.start"), start("kv", keyvalue_));
    EXPECT_JSON_EQ(answer.json, (json::object{{"success", true}, {"message", "successfully started provider"}}));
    finish(answer);
  });
  ASSERT_EQ(names(events), "provider_started");
  EXPECT_JSON_EQ(events[0].data(), (json::object{{"host_id", host_id()},
                                                 {"image_ref", "keyvalue"},
                                                 {"provider_id", "kv"},
                                                 {"annotations", notes_},
                                                 {"instance_id", "kv"},
                                                 {"public_key", "kv"},
                                                 {"link_name", "default"}}))
      << "a built-in is unsigned: no claims";
  auto shown = inventory().at("providers").as_array().at(0).as_object();
  shown.erase("name");
  EXPECT_JSON_EQ(shown,
                 (json::object{{"id", "kv"}, {"image_ref", "keyvalue"}, {"revision", 0}, {"annotations", notes_}}));
  EXPECT_JSON_EQ(parsed(client_->stored(std::string("LATTICEDATA_") + kLattice, "COMPONENT_kv").value_or("")),
                 (json::object{{"url", "keyvalue"}, {"links", json::array()}}));
}

TEST_F(ProviderTest, an_id_that_runs_is_not_started_again) {
  carry_out(ours("provider.start"), start("kv", keyvalue_));
  const auto events = events_of([&] {
    const auto answer = ask(ours("provider.start"), start("kv", "wasmcloud+builtin://http-client"));
    EXPECT_FALSE(answer.success());
    EXPECT_TRUE(answer.message().starts_with("provider with that ID is already running")) << answer.message();
  });
  EXPECT_EQ(names(events), "");
  EXPECT_EQ(inventory().at("providers").as_array().size(), 1U);
}

TEST_F(ProviderTest, what_cannot_start_fails_by_an_event_with_the_reference_as_requested) {
  for (const std::string ref :
       {"wasmcloud+builtin://nothing", "file:///nowhere.par.gz", "registry.example.net/x:1", ""}) {
    const auto events = events_of([&] {
      const auto answer = ask(ours("provider.start"), start("p", ref));
      EXPECT_JSON_EQ(answer.json, (json::object{{"success", true}, {"message", "successfully started provider"}}))
          << ref;
      finish(answer);
    });
    ASSERT_EQ(names(events), "provider_start_failed") << ref;
    auto data = events[0].data();
    EXPECT_TRUE(data.at("error").is_string());
    data.erase("error");
    EXPECT_JSON_EQ(
        data,
        (json::object{{"provider_ref", ref}, {"provider_id", "p"}, {"host_id", host_id()}, {"link_name", "default"}}));
  }
  carry_out(ours("provider.start"), start("p", keyvalue_));
  EXPECT_EQ(inventory().at("providers").as_array().size(), 1U) << "the id is free again";
}

TEST_F(ProviderTest, a_configuration_that_is_not_there_fails_the_start) {
  auto command = start("kv", keyvalue_);
  command["config"] = json::array{"missing"};
  const auto events = events_of([&] { carry_out(ours("provider.start"), command); });
  ASSERT_EQ(names(events), "provider_start_failed");
  EXPECT_NE(to_text(events[0].data().at("error")).find("Config missing does not exist"), std::string::npos);
}

TEST_F(ProviderTest, a_stop_is_answered_after_its_event) {
  carry_out(ours("provider.start"), start("kv", keyvalue_));
  const auto everything =
      client_->listen(">");  // one subscription: replies and events in the order of the host's sending
  const auto inbox = client_->new_inbox();
  client_->publish(ctl(ours("provider.stop")), to_text(json::object{{"host_id", host_id()}, {"provider_id", "kv"}}),
                   inbox);
  const auto is_answer = [&](const Seen& one) { return one.subject == inbox; };
  const auto seen =
      everything->wait_until([&](const auto& all) { return std::ranges::any_of(all, is_answer); }, "the answer");
  const auto answer = std::ranges::find_if(seen, is_answer);
  ASSERT_NE(answer, seen.end());
  EXPECT_JSON_EQ(parsed(answer->payload),
                 (json::object{{"success", true}, {"message", "successfully stopped provider"}}));
  const auto stopped =
      std::find_if(seen.begin(), answer, [](const Seen& one) { return one.subject.ends_with(".provider_stopped"); });
  ASSERT_NE(stopped, answer) << "the event comes before the answer";
  EXPECT_JSON_EQ(parsed(stopped->payload).at("data"), (json::object{{"host_id", host_id()},
                                                                    {"provider_id", "kv"},
                                                                    {"annotations", notes_},
                                                                    {"reason", "stop"},
                                                                    {"instance_id", "kv"},
                                                                    {"public_key", "kv"},
                                                                    {"link_name", "default"}}));
  EXPECT_TRUE(inventory().at("providers").as_array().empty());
}

TEST_F(ProviderTest, what_does_not_run_cannot_be_stopped) {
  const auto events = events_of([&] {
    const auto answer = ask(ours("provider.stop"), {{"provider_id", "kv"}, {"host_id", host_id()}});
    EXPECT_FALSE(answer.success()) << "wadm counts on it";
    EXPECT_TRUE(answer.message().starts_with("provider with that ID is not running")) << answer.message();
    EXPECT_FALSE(ask(ours("provider.stop"), std::string("{}")).success());
  });
  EXPECT_EQ(names(events), "");
}

TEST_F(ProviderTest, provider_ref_is_an_old_name_of_the_id_in_a_stop) {
  carry_out(ours("provider.start"), start("kv", keyvalue_));
  EXPECT_TRUE(ask(ours("provider.stop"), {{"provider_ref", "kv"}, {"host_id", host_id()}}).success());
}

TEST_F(ProviderTest, a_component_and_a_provider_are_told_apart_by_id_only_among_themselves) {
  carry_out(ours("provider.start"), start("both", keyvalue_));
  scale("both", "hello-c", 1);
  EXPECT_EQ(inventory().at("components").as_array().size(), 1U);
  EXPECT_EQ(inventory().at("providers").as_array().size(), 1U);
}

// A link that is put while the provider runs is handed over before the answer.
TEST_F(ProviderTest, links_reach_a_running_provider_before_the_put_is_answered) {
  start_web();
  scale("hello", "hello-c", 5);
  EXPECT_FALSE(get().starts_with("200")) << get();
  EXPECT_TRUE(ask("link.put", link("web", "hello", "wasi:http", {"incoming-handler"})).success());
  EXPECT_EQ(get(), "200 hello from C\n");
  EXPECT_TRUE(ask("link.del", {{"source_id", "web"}, {"wit_namespace", "wasi"}, {"wit_package", "http"}}).success());
  EXPECT_FALSE(get().starts_with("200")) << get();
}

}  // namespace
}  // namespace weft::conformance
