// SPDX-License-Identifier: Apache-2.0
#include "wire/control_subject.hpp"

#include <gtest/gtest.h>

#include <array>

namespace weft::wire {
namespace {

using enum ControlOperation;

TEST(ControlSubjectTest, writes_the_subjects_of_the_interface) {
  const ControlRoot root;
  EXPECT_EQ(control_subject(root, host_ping), "wasmbus.ctl.v1.default.host.ping");
  EXPECT_EQ(control_subject(root, component_scale, "NHOST"), "wasmbus.ctl.v1.default.component.scale.NHOST");
  EXPECT_EQ(control_subject(root, config_put, "a"), "wasmbus.ctl.v1.default.config.put.a");
  EXPECT_EQ(control_subject({.prefix = "x", .lattice = "l"}, registry_put), "x.v1.l.registry.put");
  EXPECT_EQ(event_subject("default", "host_started"), "wasmbus.evt.default.host_started");
}

TEST(ControlSubjectTest, reads_back_every_subject_it_writes) {
  const ControlRoot root{.prefix = "a.b", .lattice = "lat_1"};
  for (int number = 0; number <= static_cast<int>(registry_put); ++number) {
    const auto operation = static_cast<ControlOperation>(number);
    const auto subject = control_subject(root, operation, "some-argument");
    const auto parsed = parse_control_subject(root, subject);
    ASSERT_TRUE(parsed) << subject;
    EXPECT_EQ(parsed->operation, operation);
    EXPECT_EQ(parsed->argument, subject.ends_with("some-argument") ? "some-argument" : "");
  }
}

TEST(ControlSubjectTest, refuses_what_is_no_operation) {
  for (const auto* const subject :
       {"wasmbus.ctl.v1.default.component.foo.NHOST", "wasmbus.ctl.v1.default.link.list",
        "wasmbus.ctl.v1.default.config.put.a.b", "wasmbus.ctl.v1.default.config.put",
        "wasmbus.ctl.v1.default.config.put.", "wasmbus.ctl.v1.default.host.ping.NHOST",
        "wasmbus.ctl.v1.default.host.get", "wasmbus.ctl.v1.default.host.pings", "wasmbus.ctl.v1.other.host.ping",
        "wasmbus.ctl.v2.default.host.ping", "wasmbus.ctl.v1.default", "wasmbus.ctl", "wasmbus.ctlv1.default.host.ping",
        "wasmbus.ctl.v1.default2.host.ping", ""}) {
    EXPECT_FALSE(parse_control_subject({}, subject)) << subject;
  }
}

TEST(ControlSubjectTest, topics_of_services_are_names_with_dots_between) {
  for (const auto* topic : {"policy", "wasmcloud.policy", "a.b-c.D_9"}) EXPECT_TRUE(check_topic("--x", topic)) << topic;
  for (const auto* topic : {"", ".", "a.", ".a", "a..b", "a.*", ">", "a b", "\xc3\xbc"}) {
    const auto checked = check_topic("--policy-topic", topic);
    ASSERT_FALSE(checked) << topic;
    EXPECT_EQ(checked.error().code(), Errc::invalid_argument);
    EXPECT_TRUE(checked.error().message().starts_with("--policy-topic")) << checked.error().message();
  }
}

TEST(ControlSubjectTest, limits_names_to_what_a_bucket_and_a_token_take) {
  EXPECT_TRUE(check_lattice_name("default"));
  EXPECT_TRUE(check_lattice_name("A-z_09"));
  for (const auto* const name : {"", "a.b", "a b", "*", ">", "h\xC3\xA9", "a/b"}) {
    const auto checked = check_lattice_name(name);
    ASSERT_FALSE(checked) << name;
    EXPECT_EQ(checked.error().code(), Errc::invalid_argument);
    EXPECT_FALSE(check_workload_id(name));
  }
}

}  // namespace
}  // namespace weft::wire
