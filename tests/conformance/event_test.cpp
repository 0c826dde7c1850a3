// SPDX-License-Identifier: Apache-2.0
// The envelope of every event. What each one's data are stands with what causes it. Source: control-plane facts 5;
// live-host C11.
#include <regex>
#include <set>

#include "conformance/lattice_fixture.hpp"

namespace weft::conformance {
namespace {

using namespace std::chrono_literals;

class EventTest : public LatticeTest {
 protected:
  /// Something of everything.
  void cause_all() {
    config_.heartbeat_interval = 300ms;
    up();
    put_config("a", "{}");
    ask("config.del.a");
    ask("link.put", link("cart", "kv"));
    ask("link.put", link("cart", "other"));
    ask("link.del", {{"source_id", "cart"}, {"wit_namespace", "wasi"}, {"wit_package", "keyvalue"}});
    ask(ours("label.put"), {{"key", "zone"}, {"value", "b"}});
    scale("hello", "hello-c", 1);
    carry_out(ours("component.scale"), scale_command("ghost", "file:///nowhere.wasm", 1));
    carry_out(ours("provider.start"), {{"provider_id", "kv"}, {"provider_ref", "wasmcloud+builtin://keyvalue"}});
    carry_out(ours("provider.start"), {{"provider_id", "x"}, {"provider_ref", "wasmcloud+builtin://nothing"}});
    ask(ours("provider.stop"), {{"provider_id", "kv"}});
    wait_for_event("host_heartbeat");
    id_ = host_id();
    down();
    wait_for_event("host_stopped");
  }
  std::string id_;
};

TEST_F(EventTest, every_event_has_the_subject_and_envelope_of_1_9) {
  cause_all();
  const auto events = all_events();
  std::set<std::string> seen_names, seen_ids;
  for (const auto& event : events) {
    seen_names.insert(event.name);
    EXPECT_EQ(event.raw.subject, "wasmbus.evt.conf." + event.name) << "one token after the lattice";
    EXPECT_TRUE(event.raw.headers.empty());
    EXPECT_TRUE(event.raw.reply.empty());
    std::set<std::string> members;
    for (const auto& [key, value] : event.envelope) {
      members.emplace(key.data(), key.size());
    }
    ASSERT_EQ(members,
              (std::set<std::string>{"specversion", "id", "type", "source", "datacontenttype", "time", "data"}))
        << event.raw.payload;
    EXPECT_EQ(event.envelope.at("specversion"), json::value("1.0"));
    EXPECT_EQ(event.envelope.at("type"), json::value("com.wasmcloud.lattice." + event.name));
    EXPECT_EQ(event.envelope.at("source"), json::value(id_));
    EXPECT_EQ(event.envelope.at("datacontenttype"), json::value("application/json"));
    EXPECT_TRUE(event.envelope.at("data").is_object());
    const std::string id(event.envelope.at("id").as_string());
    EXPECT_TRUE(std::regex_match(id, std::regex("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"))) << id;
    EXPECT_TRUE(seen_ids.insert(id).second) << "unique";
    const std::string time(event.envelope.at("time").as_string());
    EXPECT_TRUE(std::regex_match(time, std::regex("[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{9}Z")))
        << time;
  }
  EXPECT_EQ(seen_names, (std::set<std::string>{"host_started", "host_heartbeat", "host_stopped", "labels_changed",
                                               "config_set", "config_deleted", "linkdef_set", "linkdef_set_failed",
                                               "linkdef_deleted", "component_scaled", "component_scale_failed",
                                               "provider_started", "provider_start_failed", "provider_stopped"}))
      << "and no other: built-ins have no health";
  EXPECT_EQ(events.front().name, "host_started");
  EXPECT_EQ(events.back().name, "host_stopped");
}

TEST_F(EventTest, ids_sort_by_the_time_of_their_events) {
  up();
  const auto first = wait_for_event("host_started");
  std::this_thread::sleep_for(20ms);  // a tick of the clock that is in the ids
  ask(ours("label.put"), {{"key", "a"}, {"value", "b"}});
  const auto second = wait_for_event("labels_changed");
  EXPECT_LT(first.envelope.at("id").as_string(), second.envelope.at("id").as_string());
  EXPECT_LT(first.envelope.at("time").as_string(), second.envelope.at("time").as_string());
}

// A body may name any host; what is told is who did it (Q7).
TEST_F(EventTest, host_id_is_the_hosts_own) {
  up();
  auto command = scale_command("hello", app("hello-c"), 1);
  command["host_id"] = "NSOMEBODYELSE";
  carry_out(ours("component.scale"), command);
  EXPECT_EQ(wait_for_event("component_scaled").data().at("host_id"), json::value(host_id()));
  carry_out(ours("provider.start"),
            {{"provider_id", "kv"}, {"provider_ref", "wasmcloud+builtin://keyvalue"}, {"host_id", "NSOMEBODYELSE"}});
  EXPECT_EQ(wait_for_event("provider_started").data().at("host_id"), json::value(host_id()));
}

TEST_F(EventTest, annotations_come_back_byte_by_byte) {
  up();
  const json::object notes{{"wasmcloud.dev/scaler", std::string(64, 'a')},
                           {"wasmcloud.dev/managed-by", "wadm"},
                           {"", "empty key"},
                           {"ü", "ß\n\"\\"},
                           {"empty", ""}};
  auto command = scale_command("hello", app("hello-c"), 1);
  command["annotations"] = notes;
  carry_out(ours("component.scale"), command);
  EXPECT_JSON_EQ(wait_for_event("component_scaled").data().at("annotations"), notes);
  EXPECT_JSON_EQ(inventory().at("components").as_array().at(0).at("annotations"), notes);
}

}  // namespace
}  // namespace weft::conformance
