// SPDX-License-Identifier: Apache-2.0
// Scale and update: the decision table row by row. Source: control-plane facts 3.9, 3.10, 6; live-host A5, C10; Q2, Q3,
// Q5, Q6.
#include <algorithm>
#include <filesystem>
#include <fstream>

#include "conformance/lattice_fixture.hpp"

namespace weft::conformance {
namespace {

class ComponentTest : public LatticeTest {
 protected:
  void SetUp() override {
    LatticeTest::SetUp();
    if (!IsSkipped()) up();
  }
  /// The events of one command.
  std::vector<SeenEvent> events_of_scale(const json::object& command, const std::string& message = "") {
    return events_of([&] {
      const auto answer = ask(ours("component.scale"), command);
      EXPECT_TRUE(answer.success()) << "a scale is always accepted";
      EXPECT_EQ(answer.message(), message);
      finish(answer);
    });
  }
  json::object scaled(const std::string& id, const std::string& ref, std::uint64_t count,
                      const json::object& annotations = {}) {
    return {{"annotations", annotations},
            {"component_id", id},
            {"host_id", host_id()},
            {"image_ref", ref},
            {"max_instances", count}};
  }
  /// The component `id` of the inventory; null: it does not run.
  json::value running(const std::string& id) {
    for (const auto& component : inventory().at("components").as_array()) {
      if (component.at("id") == json::value(id)) return component;
    }
    return {};
  }
  const json::object notes_{{"wasmcloud.dev/appspec", "shop"}, {"wasmcloud.dev/managed-by", "wadm"}};
  const std::string hello_ = app("hello-c");
};

TEST_F(ComponentTest, row_1_what_does_not_run_and_is_scaled_to_zero_is_told_as_scaled_to_zero) {
  auto command = scale_command("cart", "registry.example.net/shop/cart:1.4.0", 0);
  command["annotations"] = notes_;
  const auto events = events_of_scale(command);
  ASSERT_EQ(names(events), "component_scaled");
  EXPECT_JSON_EQ(events[0].data(), scaled("cart", "registry.example.net/shop/cart:1.4.0", 0, notes_));
  EXPECT_TRUE(running("cart").is_null());
}

TEST_F(ComponentTest, row_2_what_does_not_run_is_started) {
  auto command = scale_command("cart", hello_, 50);
  command["annotations"] = notes_;
  const auto events = events_of_scale(command);
  ASSERT_EQ(names(events), "component_scaled") << "one is enough (Q6)";
  EXPECT_JSON_EQ(events[0].data(), scaled("cart", hello_, 50, notes_));
  EXPECT_JSON_EQ(running("cart"), (json::object{{"id", "cart"},
                                                {"image_ref", hello_},
                                                {"annotations", notes_},
                                                {"revision", 0},
                                                {"max_instances", 50},
                                                {"limits", nullptr}}));
}

TEST_F(ComponentTest, row_3_what_cannot_be_fetched_fails_by_an_event) {
  auto command = scale_command("ghost", "file:///nowhere/ghost.wasm", 3);
  command["annotations"] = notes_;
  auto events = events_of_scale(command);
  ASSERT_EQ(names(events), "component_scale_failed");
  auto data = events[0].data();
  EXPECT_NE(to_text(data.at("error")).find("/nowhere/ghost.wasm"), std::string::npos);
  data.erase("error");
  EXPECT_JSON_EQ(data, scaled("ghost", "file:///nowhere/ghost.wasm", 3, notes_));
  EXPECT_TRUE(running("ghost").is_null());
  for (const auto* ref : {"", "::", "ftp://x/y", "file://relative.wasm", "file:///etc/passwd"}) {
    events = events_of_scale(scale_command("ghost", ref, 1));
    ASSERT_EQ(names(events), "component_scale_failed") << ref;
    EXPECT_EQ(events[0].data().at("image_ref"), json::value(ref)) << "verbatim";
  }
}

TEST_F(ComponentTest, row_4_what_runs_and_is_scaled_to_zero_goes_with_its_own_annotations_and_reference) {
  auto command = scale_command("cart", hello_, 5);
  command["annotations"] = notes_;
  carry_out(ours("component.scale"), command);
  // Nothing needs to be fetched to stop (Q5): the reference may lead nowhere.
  auto stop = scale_command("cart", "file:///nowhere.wasm", 0);
  stop["annotations"] = json::object{{"other", "notes"}};
  const auto events = events_of_scale(stop);
  ASSERT_EQ(names(events), "component_scaled");
  EXPECT_JSON_EQ(events[0].data(), scaled("cart", hello_, 0, notes_));
  EXPECT_TRUE(running("cart").is_null());
}

TEST_F(ComponentTest, row_5_a_repeated_command_changes_nothing_and_is_told_again) {
  auto command = scale_command("cart", hello_, 5);
  command["annotations"] = notes_;
  command["component_limits"] = json::object{{"max_memory_limit", "50000000"}};
  carry_out(ours("component.scale"), command);
  const auto before = running("cart");
  const auto events = events_of_scale(command);
  ASSERT_EQ(names(events), "component_scaled");
  EXPECT_JSON_EQ(events[0].data(), scaled("cart", hello_, 5, notes_));
  EXPECT_JSON_EQ(running("cart"), before);
  command.erase("component_limits");
  events_of_scale(command);
  EXPECT_JSON_EQ(running("cart"), before) << "a repetition leaves the limits";
}

TEST_F(ComponentTest, row_6_another_count_or_configuration_keeps_the_code_and_takes_annotations_and_limits) {
  put_config("defaults", R"({"greeting":"hello"})");
  auto command = scale_command("cart", hello_, 5);
  command["component_limits"] = json::object{{"max_memory_limit", "50000000"}};
  carry_out(ours("component.scale"), command);

  command = scale_command("cart", hello_, 9);
  command["annotations"] = notes_;
  auto events = events_of_scale(command);
  ASSERT_EQ(names(events), "component_scaled");
  EXPECT_EQ(events[0].data().at("max_instances"), json::value(9));
  EXPECT_EQ(running("cart").at("annotations"), json::value(notes_));
  EXPECT_EQ(running("cart").at("limits"), json::value(nullptr)) << "absent limits: none recorded";

  command["config"] = json::array{"defaults"};
  events = events_of_scale(command);
  ASSERT_EQ(names(events), "component_scaled");
  EXPECT_JSON_EQ(events[0].data(), scaled("cart", hello_, 9, notes_));

  command["config"] = json::array{"defaults", "missing"};
  events = events_of_scale(command);
  ASSERT_EQ(names(events), "component_scale_failed") << "and what runs goes on";
  EXPECT_NE(to_text(events[0].data().at("error")).find("Config missing does not exist"), std::string::npos);
  EXPECT_EQ(running("cart").at("max_instances"), json::value(9));
}

TEST_F(ComponentTest, the_worked_sequence_is_told_in_order) {
  std::vector<std::uint64_t> told;
  for (const std::uint64_t count : {50U, 10U, 0U}) {
    const auto events = events_of_scale(scale_command("cart", hello_, count));
    ASSERT_EQ(names(events), "component_scaled");
    told.push_back(events[0].data().at("max_instances").to_number<std::uint64_t>());
  }
  EXPECT_EQ(told, (std::vector<std::uint64_t>{50, 10, 0}));
}

// One client sends without waiting: events of one id come in the order of its commands.
TEST_F(ComponentTest, commands_of_one_id_are_carried_out_one_after_the_other) {
  const auto events = events_of([&] {
    Answer last;
    for (const std::uint64_t count : {3U, 7U, 0U, 2U}) {
      last = ask(ours("component.scale"), scale_command("cart", hello_, count));
    }
    finish(last);
  });
  ASSERT_EQ(events.size(), 4U) << names(events);
  for (std::size_t index = 0; index < 4; ++index) {
    EXPECT_EQ(events[index].data().at("max_instances"), json::value((std::vector{3, 7, 0, 2})[index]));
  }
}

TEST_F(ComponentTest, count_is_the_name_on_the_wire_and_goes_to_the_end_of_its_range) {
  carry_out(ours("component.scale"), scale_command("cart", hello_, 4294967295));
  EXPECT_EQ(running("cart").at("max_instances"), json::value(std::int64_t{4294967295}));
  auto wrong = scale_command("cart", hello_, 0);
  wrong.erase("count");
  wrong["max_instances"] = 5;
  const auto events = events_of_scale(wrong);
  ASSERT_EQ(names(events), "component_scaled");
  EXPECT_EQ(events[0].data().at("max_instances"), json::value(0)) << "max_instances is not accepted: the count is 0";
}

TEST_F(ComponentTest, another_reference_scales_and_warns) {
  scale("cart", "hello-c", 5);
  const auto other = app("hello-cpp");
  auto events = events_of_scale(
      scale_command("cart", other, 6),
      "Requested to scale existing component to a different image reference: " + hello_ + " != " + other +
          ". The component will be scaled but the image reference will not be updated. If you meant to update this "
          "component to a new image ref, use the update command.");
  ASSERT_EQ(names(events), "component_scaled");
  EXPECT_JSON_EQ(events[0].data(), scaled("cart", hello_, 6)) << "the code that runs (Q2)";
  auto command = scale_command("cart", other, 7);
  command["allow_update"] = true;
  command["annotations"] = notes_;
  events = events_of_scale(
      command, "Requested to scale existing component, with a changed image reference: " + hello_ + " != " + other +
                   ". The component will be scaled, and the image reference will be updated afterwards.");
  ASSERT_FALSE(events.empty());
  EXPECT_JSON_EQ(events.back().data(), scaled("cart", other, 7, notes_));
  EXPECT_EQ(running("cart").at("image_ref"), json::value(other));
}

TEST_F(ComponentTest, limits_are_shown_as_far_as_they_can_be_read) {
  const std::vector<std::pair<json::value, json::value>> cases = {
      {json::object{}, json::object{}},
      {json::object{{"max_memory_limit", "lots"}}, json::object{}},
      {json::object{{"something", "1"}}, json::object{}},
      {json::object{{"max_memory_limit", "50000000"}, {"other", "1"}}, json::object{{"max_memory_limit", "50000000"}}},
      {json::object{{"max_execution_time", "5"}}, json::object{{"max_execution_time", "5"}}},
      {nullptr, nullptr},
  };
  int number = 0;
  for (const auto& [given, shown] : cases) {
    auto command = scale_command("c" + std::to_string(++number), hello_, 1);
    command["component_limits"] = given;
    carry_out(ours("component.scale"), command);
    EXPECT_JSON_EQ(running("c" + std::to_string(number)).at("limits"), shown);
  }
}

TEST_F(ComponentTest, update_answers_what_it_is_going_to_do) {
  const auto other = app("hello-cpp");
  const auto update = [&](const std::string& id, const std::string& ref) {
    return ask(ours("component.update"),
               {{"component_id", id}, {"new_component_ref", ref}, {"host_id", host_id()}, {"annotations", nullptr}});
  };
  const auto none = update("cart", other);
  EXPECT_FALSE(none.success());
  EXPECT_TRUE(none.message().starts_with("component cart not found")) << none.message();
  auto command = scale_command("cart", hello_, 5);
  command["annotations"] = notes_;
  carry_out(ours("component.scale"), command);
  auto events = events_of([&] {
    const auto same = update("cart", hello_);
    EXPECT_JSON_EQ(same.json,
                   (json::object{{"success", true}, {"message", "component cart already updated to " + hello_}}));
    finish(same);
  });
  EXPECT_EQ(names(events), "");
  events = events_of([&] {
    const auto updating = update("cart", other);
    EXPECT_JSON_EQ(
        updating.json,
        (json::object{{"success", true}, {"message", "component cart updating from " + hello_ + " to " + other}}));
    finish(updating);
  });
  ASSERT_EQ(names(events), "component_scaled") << "no zero event: wadm would forget the component (6.5)";
  EXPECT_JSON_EQ(events[0].data(), scaled("cart", other, 5, notes_)) << "annotations are kept (Q3)";
}

TEST_F(ComponentTest, an_update_that_fails_is_told_by_no_event_and_changes_nothing) {
  scale("cart", "hello-c", 5);
  const auto before = running("cart");
  const auto events = events_of([&] {
    const auto answer =
        ask(ours("component.update"), {{"component_id", "cart"}, {"new_component_ref", "file:///nowhere.wasm"}});
    EXPECT_TRUE(answer.success());
    finish(answer);
  });
  EXPECT_EQ(names(events), "");
  EXPECT_JSON_EQ(running("cart"), before);
}

TEST_F(ComponentTest, a_start_writes_a_specification_that_a_stop_leaves) {
  const std::string bucket = std::string("LATTICEDATA_") + kLattice;
  scale("cart", "hello-c", 5);
  EXPECT_JSON_EQ(parsed(client_->stored(bucket, "COMPONENT_cart").value_or("")),
                 (json::object{{"url", hello_}, {"links", json::array()}}));
  ask(ours("component.update"), {{"component_id", "cart"}, {"new_component_ref", app("hello-cpp")}});
  scale("cart", "hello-cpp", 0);
  EXPECT_JSON_EQ(parsed(client_->stored(bucket, "COMPONENT_cart").value_or("")),
                 (json::object{{"url", hello_}, {"links", json::array()}}))
      << "never updated, never removed";
}

TEST_F(ComponentTest, an_id_that_cannot_be_one_fails_by_an_event) {
  for (const auto* id : {"", "a.b", "a b", "ü", "a*", ">"}) {
    const auto events = events_of_scale(scale_command(id, hello_, 1));
    EXPECT_EQ(names(events), "component_scale_failed") << id;
  }
}

TEST_F(ComponentTest, files_are_loaded_only_where_that_is_allowed) {
  down();
  config_.allow_file_load = false;
  up();
  const auto events = events_of_scale(scale_command("cart", hello_, 1));
  ASSERT_EQ(names(events), "component_scale_failed");
  EXPECT_NE(to_text(events[0].data().at("error")).find("unable to start component"), std::string::npos);
}

}  // namespace
}  // namespace weft::conformance
