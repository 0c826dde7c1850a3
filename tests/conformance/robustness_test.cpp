// SPDX-License-Identifier: Apache-2.0
// What a host must live through: malformed, oversized, repeated, mutated and very many messages.
#include <array>
#include <chrono>
#include <cstdlib>
#include <random>

#include "conformance/lattice_fixture.hpp"

namespace weft::conformance {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMaxPayload = 1'048'576;  // of nats-server, unless it is told otherwise

class RobustnessTest : public LatticeTest {
 protected:
  void SetUp() override {
    LatticeTest::SetUp();
    if (IsSkipped()) return;
    up();
    start_web();
    scale("hello", "hello-c", 10);
    EXPECT_TRUE(ask("link.put", link("web", "hello", "wasi:http", {"incoming-handler"})).success());
  }
  void expect_neighbours_unharmed() {
    EXPECT_TRUE(ask("host.ping").success());
    EXPECT_EQ(get(), "200 hello from C\n");
    EXPECT_EQ(inventory().at("host_id"), json::value(host_id()));
  }
  /// One valid command of every kind, with its subject.
  std::vector<std::pair<std::string, std::string>> commands() {
    const auto text = [](const json::object& body) { return to_text(body); };
    return {
        {"host.ping", ""},
        {ours("host.get"), ""},
        {ours("host.stop"), R"({"host_id":"NOTHER","timeout":1000})"},
        {"component.auction", R"({"component_ref":"x","component_id":"y","constraints":{"a":"b"}})"},
        {"provider.auction", R"({"provider_ref":"x","provider_id":"y","constraints":{}})"},
        {ours("component.scale"), text({{"component_ref", app("hello-c")},
                                        {"component_id", "fuzzed"},
                                        {"count", 3},
                                        {"annotations", {{"a", "b"}}},
                                        {"component_limits", {{"max_memory_limit", "1000000"}}},
                                        {"config", json::array{"c"}},
                                        {"allow_update", true}})},
        {ours("component.update"),
         text({{"component_id", "fuzzed"}, {"new_component_ref", app("hello-cpp")}, {"annotations", nullptr}})},
        {ours("provider.start"),
         R"({"provider_id":"fuzzed","provider_ref":"wasmcloud+builtin://keyvalue","config":[],"annotations":{}})"},
        {ours("provider.stop"), R"({"provider_id":"fuzzed","host_id":""})"},
        {ours("label.put"), R"({"key":"fuzzed","value":"true"})"},
        {ours("label.del"), R"({"key":"fuzzed"})"},
        {"link.put", text(link("fuzzed", "target"))},
        {"link.del", R"({"source_id":"fuzzed","name":"default","wit_namespace":"wasi","wit_package":"keyvalue"})"},
        {"link.get", ""},
        {"claims.get", ""},
        {"config.put.fuzzed", R"({"a":"b","c":"d"})"},
        {"config.get.fuzzed", ""},
        {"config.del.fuzzed", ""},
        {"registry.put", R"({"r.example":{"username":"u","password":"p","registryType":"oci"}})"},
    };
  }
};

TEST_F(RobustnessTest, malformed_messages_of_every_kind_harm_nobody) {
  const std::string deep(10'000, '[');
  const std::vector<std::string> bodies = {"{",
                                           "}",
                                           "null",
                                           "[]",
                                           "0",
                                           "\"",
                                           deep,
                                           std::string(1, '\0'),
                                           "\xc3\x28",
                                           "{\"component_id\":" + deep,
                                           R"({"a":"b"} trailing)",
                                           R"({"component_id":null})",
                                           std::string(100'000, ' '),
                                           R"({"component_id":"x","component_id":"y"})"};
  const auto inbox = client_->new_inbox();
  const auto replies = client_->listen(inbox);
  std::size_t sent = 0;
  for (const auto& [tail, valid] : commands()) {
    for (const auto& body : bodies) {
      if (!valid.empty()) {
        EXPECT_TRUE(client_->publish(ctl(tail), body, inbox));
        ++sent;
      }
    }
  }
  // Each has its answer, in whatever order: some wait for the disk of the server.
  const auto all = replies->wait_for(sent);
  EXPECT_EQ(all.size(), sent);
  for (const auto& reply : all) {
    const auto value = parsed(reply.payload);
    ASSERT_TRUE(value.is_object() && value.as_object().contains("success") && value.as_object().contains("message"))
        << reply.payload;
  }
  expect_neighbours_unharmed();
}

TEST_F(RobustnessTest, messages_just_below_and_above_the_largest_payload_harm_nobody) {
  const auto padded = [](std::size_t size) { return R"({"a":")" + std::string(size - 8, 'x') + R"("})"; };
  EXPECT_TRUE(ask("config.put.large", padded(kMaxPayload - 1'000)).success());
  EXPECT_EQ(client_->stored(std::string("CONFIGDATA_") + kLattice, "large").value_or("").size(), kMaxPayload - 1'000);
  EXPECT_TRUE(ask("config.put.largest", padded(kMaxPayload)).success()) << "to the byte";
  EXPECT_FALSE(client_->publish(ctl("config.put.larger"), padded(kMaxPayload + 1))) << "the client's own limit";
  // The answer would be larger than the server takes: a failure that says so comes in its place.
  const auto largest = ask("config.get.largest");
  EXPECT_FALSE(largest.success());
  EXPECT_NE(largest.message().find("a message may have 1048576"), std::string::npos) << largest.message();
  EXPECT_TRUE(ask("config.get.unknown").success());
  // A specification that no longer fits into one message is refused, not cut.
  const auto long_name = std::string(700'000, 'n');
  auto one = link("long", "kv");
  one["name"] = long_name + "1";
  const auto first = client_->request(ctl("link.put"), to_text(one));
  ASSERT_TRUE(first);
  one["name"] = long_name + "2";
  const auto second = client_->request(ctl("link.put"), to_text(one));
  ASSERT_TRUE(second);
  EXPECT_NE(second->payload.find("\"success\":false"), std::string::npos);
  for (const auto& [tail, valid] : commands()) {
    EXPECT_TRUE(client_->publish(ctl(tail), std::string(kMaxPayload, '{')));
    EXPECT_TRUE(client_->publish(ctl(tail), padded(kMaxPayload)));
  }
  ASSERT_TRUE(
      ask("link.del",
          {{"source_id", "long"}, {"name", long_name + "1"}, {"wit_namespace", "wasi"}, {"wit_package", "keyvalue"}})
          .success());
  expect_neighbours_unharmed();
}

TEST_F(RobustnessTest, repeated_messages_of_every_kind_lead_to_the_same_state) {
  put_config("c", "{}");
  const auto run_all = [&](int times) {
    for (const auto& [tail, body] : commands()) {
      Answer last;
      for (int time = 0; time < times; ++time) {
        if (tail == "component.auction" || tail == ours("component.auction")) {
          client_->publish(ctl(tail), body);
        } else {
          last = ask(tail, body);
        }
      }
      if (!last.operation().empty()) finish(last);
    }
    auto state = inventory();
    for (const auto* changing : {"uptime_human", "uptime_seconds"}) state.erase(changing);
    return json::array{state, ask("link.get").response(), ask("config.get.fuzzed").json};
  };
  const auto once = run_all(1);
  const auto thrice = run_all(3);
  EXPECT_JSON_EQ(thrice, once);
  expect_neighbours_unharmed();
}

TEST_F(RobustnessTest, a_thousand_commands_at_once_are_all_carried_out) {
  constexpr std::size_t kCommands = 1'000;
  const auto inbox = client_->new_inbox();
  const auto replies = client_->listen(inbox);
  for (std::size_t index = 0; index < kCommands; ++index) {
    const auto number = std::to_string(index);
    switch (index % 5) {
      case 0:
        client_->publish(ctl(ours("component.scale")), to_text(scale_command("c" + number, app("hello-c"), 1)), inbox);
        break;
      case 1:
        client_->publish(ctl("link.put"), to_text(link("c" + number, "kv")), inbox);
        break;
      case 2:
        client_->publish(ctl("config.put.c" + number), R"({"a":"b"})", inbox);
        break;
      case 3:
        client_->publish(ctl(ours("label.put")), to_text(json::object{{"key", "l" + number}, {"value", number}}),
                         inbox);
        break;
      default:
        client_->publish(ctl(ours("host.get")), "", inbox);
    }
  }
  for (const auto& reply : replies->wait_for(kCommands)) {
    ASSERT_NE(reply.payload.find("\"success\":true"), std::string::npos) << reply.payload;
  }
  const auto parts = kCommands / 5;
  EXPECT_TRUE(eventually([&] { return inventory().at("components").as_array().size() == parts + 1; }));
  EXPECT_EQ(ask("link.get").response().as_array().size(), parts + 1);
  EXPECT_EQ(client_->keys(std::string("CONFIGDATA_") + kLattice).size(), parts + 1);
  EXPECT_EQ(inventory().at("labels").as_object().size(), parts + 3);
  expect_neighbours_unharmed();
}

/// Changes a JSON text: now its bytes, now its values.
class Mutator {
 public:
  explicit Mutator(std::uint64_t seed) : random_(seed) {}

  std::size_t below(std::size_t limit) { return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random_); }
  std::string mutate(const std::string& text) {
    auto value = parsed(text);
    if (value.is_null() || below(3) == 0) return change_bytes(text);
    for (std::size_t times = 1 + below(3); times > 0; --times) change_value(value);
    auto changed = to_text(value);
    return below(8) == 0 ? change_bytes(changed) : changed;
  }

 private:
  json::value any() {
    const std::array<json::value, 14> values = {nullptr,
                                                true,
                                                0,
                                                -1,
                                                4294967296,
                                                1e308,
                                                "",
                                                "a.b",
                                                json::string(300, 'z'),
                                                "\xf0\x9f\x8c\x8a",
                                                json::array(),
                                                json::object(),
                                                json::array{nullptr, json::array{1}},
                                                "SECRET_x"};
    return values[below(values.size())];
  }
  void change_value(json::value& value) {
    if (value.is_object() && !value.as_object().empty()) {
      auto& object = value.as_object();
      auto member = object.begin() + static_cast<std::ptrdiff_t>(below(object.size()));
      switch (below(5)) {
        case 0:
          object.erase(member);
          break;
        case 1:
          object[std::string(1 + below(20), 'k')] = any();
          break;
        case 2:
          member->value() = any();
          break;
        default:
          change_value(member->value());
      }
    } else if (value.is_array() && !value.as_array().empty()) {
      auto& array = value.as_array();
      change_value(array[below(array.size())]);
      if (below(3) == 0) array.push_back(any());
    } else {
      value = any();
    }
  }
  std::string change_bytes(std::string text) {
    for (std::size_t times = 1 + below(4); times > 0; --times) {
      const auto at = below(text.size() + 1);
      switch (below(3)) {
        case 0:
          text.insert(at, 1, static_cast<char>(below(256)));
          break;
        case 1:
          if (at < text.size()) text.erase(at, 1 + below(8));
          break;
        default:
          if (at < text.size()) text[at] = static_cast<char>(below(256));
      }
    }
    return text;
  }

  std::mt19937_64 random_;
};

// WEFT_TEST_SEED runs one again.
TEST_F(RobustnessTest, mutated_commands_for_five_seconds_leave_a_host_that_answers) {
  const char* given = std::getenv("WEFT_TEST_SEED");
  const auto seed = given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  Mutator mutator(seed);
  const auto valid = commands();
  const auto inbox = client_->new_inbox();
  const auto replies = client_->listen(inbox);
  std::size_t sent = 0;
  for (const auto end = std::chrono::steady_clock::now() + 5s; std::chrono::steady_clock::now() < end; ++sent) {
    const auto& [tail, body] = valid[mutator.below(valid.size())];
    auto changed = mutator.mutate(body);
    // A stop that names no other host is a valid one, and would be obeyed.
    if (tail == ours("host.stop") && changed.find("NOTHER") == std::string::npos) continue;
    client_->publish(ctl(tail), changed, inbox);
    if (sent % 100 == 99) {
      ASSERT_TRUE(ask("host.ping").success()) << "seed " << seed;  // not faster than the host
    }
  }
  std::printf("%zu commands, %zu replies\n", sent, replies->size());
  for (const auto& reply : replies->now()) {
    const auto value = parsed(reply.payload);
    ASSERT_TRUE(value.is_object() && value.as_object().contains("success")) << reply.payload << " seed " << seed;
  }
  expect_neighbours_unharmed();
}

}  // namespace
}  // namespace weft::conformance
