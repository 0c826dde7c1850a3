// SPDX-License-Identifier: Apache-2.0
/// What the host answers itself, translates or names otherwise, as a guest sees it.
#include "guest/guest_imports.hpp"

#include "guest/component_target_fixture.hpp"

namespace weft::guest {
namespace {

engine::Bytes bytes(std::initializer_list<unsigned> values) {
  engine::Bytes made;
  for (const auto value : values) made.push_back(static_cast<std::byte>(value));
  return made;
}

class GuestImportsTest : public ComponentTargetTest {
 protected:
  std::shared_ptr<ManualTarget> add(const std::string& id, engine::Bytes answer) {
    auto target = std::make_shared<ManualTarget>(id);
    target->answer_at_once(std::move(answer));
    table.set_target(id, target);
    return target;
  }
};

TEST_F(GuestImportsTest, a_link_name_leads_calls_of_one_invocation_elsewhere) {
  auto& a = start("a", "relay");
  add("b", encoded("b"));
  add("c", encoded("c"));
  link("a", "b");
  link("a", "c", kRelay, "spare");
  EXPECT_EQ(run(a, "call x"), "b");
  EXPECT_EQ(run(a, "link spare;call x"), "c");
  EXPECT_EQ(run(a, "call x"), "b") << "the next invocation knows nothing of it";
  EXPECT_EQ(run(a, "link spare;link default;call x"), "b");
}

TEST_F(GuestImportsTest, an_unknown_link_name_is_told_and_changes_nothing) {
  auto& a = start("a", "relay");
  add("b", encoded("b"));
  link("a", "b");
  EXPECT_EQ(run(a, "link nolink;call x"),
            "interface `weft:relay/relay` does not have an existing link with name `nolink`b");
}

TEST_F(GuestImportsTest, a_failure_that_the_guest_was_told_of_is_not_why_it_traps_later) {
  auto& topics = start("topics", "topics");
  publish();
  std::vector<std::byte> message;
  for (const std::string_view part : {"in", "trap nowhere"}) put_text(message, part);
  message.push_back(std::byte{0});  // no topic for a reply
  auto answer =
      TestCall(shards.at(0), topics, "wasmcloud:messaging/handler@0.2.0", "handle-message", message, {}).wait();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code(), Errc::trap);
  EXPECT_EQ(answer.error().message().find("link"), std::string::npos) << answer.error().to_string();
  EXPECT_NE(answer.error().message().find("unreachable"), std::string::npos) << answer.error().to_string();
}

TEST_F(GuestImportsTest, keyvalue_is_called_as_the_wire_names_it) {
  auto& a = start("a", "relay");
  const auto kv = add("kv", bytes({0, 1, 2, 'h', 'i'}));
  link("a", "kv", "wasi:keyvalue/store");
  EXPECT_EQ(run(a, "get shelf key"), "hi");
  const auto asked = kv->asked();
  ASSERT_EQ(asked.size(), 1);
  EXPECT_EQ(asked[0].interface, "wrpc:keyvalue/store@0.2.0-draft");
  EXPECT_EQ(asked[0].function, "get");
  EXPECT_EQ(asked[0].params, bytes({5, 's', 'h', 'e', 'l', 'f', 3, 'k', 'e', 'y'}));
  kv->answer_at_once(bytes({0, 0}));
  EXPECT_EQ(run(a, "get shelf key"), "none");
  kv->answer_at_once(bytes({1, 2, 4, 'f', 'u', 'l', 'l'}));
  EXPECT_EQ(run(a, "get shelf key"), "error full");
}

TEST_F(GuestImportsTest, so_are_the_atomics_of_keyvalue) {
  auto& a = start("a", "relay");
  const auto kv = add("kv", bytes({0, 42}));
  link("a", "kv", "wasi:keyvalue/atomics");
  EXPECT_EQ(run(a, "count b k"), "42");
  const auto asked = kv->asked();
  ASSERT_EQ(asked.size(), 1);
  EXPECT_EQ(asked[0].interface, "wrpc:keyvalue/atomics@0.2.0-draft");
  EXPECT_EQ(asked[0].function, "increment");
  EXPECT_EQ(asked[0].params, bytes({1, 'b', 1, 'k', 1}));
}

TEST_F(GuestImportsTest, a_failed_call_is_a_value_where_the_function_has_room_for_it) {
  auto& a = start("a", "relay");
  publish();
  const auto missing = run(a, "ask why;say  and on");
  EXPECT_EQ(missing.find("failed: \"a\" has no link named \"default\" for weft:relay/fallible"), 0) << missing;
  EXPECT_NE(missing.find(" and on"), std::string::npos);
  add("oracle", encoded("because"));
  link("a", "oracle", "weft:relay/fallible");
  EXPECT_EQ(run(a, "ask why"), "because");
}

TEST_F(GuestImportsTest, what_the_host_provides_needs_no_link) {
  const auto logging = std::make_shared<ManualTarget>("logging");
  logging->answer_at_once({});
  ComponentTargetConfig config;
  config.provided["wasi:logging/logging"] = logging;
  auto& a = start("a", "relay", std::move(config));
  EXPECT_EQ(run(a, "log hello;say logged"), "logged");
  const auto asked = logging->asked();
  ASSERT_EQ(asked.size(), 1);
  EXPECT_EQ(asked[0].interface, "wasi:logging/logging@0.1.0-draft");
  EXPECT_EQ(asked[0].function, "log");
  EXPECT_EQ(asked[0].source, "a");
  EXPECT_EQ(asked[0].params, bytes({2, 5, 'r', 'e', 'l', 'a', 'y', 5, 'h', 'e', 'l', 'l', 'o'}));
}

}  // namespace
}  // namespace weft::guest
