// SPDX-License-Identifier: Apache-2.0
#include "host/metrics.hpp"

#include <gtest/gtest.h>

#include "host/metrics_check.hpp"

namespace weft::host {
namespace {

using namespace std::chrono_literals;
using test::MetricsCheck;
using test::sample;

guest::InterfaceStats called(std::string interface, std::initializer_list<std::chrono::nanoseconds> times) {
  guest::InterfaceCounters counters;
  for (const auto time : times) {
    counters.ended(time, time > 1s);
  }
  guest::InterfaceStats stats;
  stats.interface = std::move(interface);
  counters.add_to(stats);
  return stats;
}

Metrics busy_host() {
  Metrics metrics;
  metrics.version = "0.1.0";
  metrics.host_id = "NABC";
  metrics.host_name = "quiet-harbor";
  metrics.lattice = "default";
  metrics.uptime = 3600s;
  metrics.components = {
      {.id = "cart",
       .stats = {.running = 2,
                 .queued = 1,
                 .max_instances = 10,
                 .shed = 4,
                 .interfaces = {called("acme:shop/cart@1.0.0", {5us, 20us, 3ms, 2s, 100s}), called("a:b/never", {}),
                                called("", {})}}},
      {.id = "web", .stats = {.interfaces = {called("wasi:http/incoming-handler@0.2.3", {1ms}), called("", {1us})}}}};
  metrics.link_calls.push_back({called("", {3ms, 2s}), "web", "default", "acme:shop/cart", "cart"});
  metrics.places = {{.path = "components/cart", .kind = "component", .restarts = 3, .is_ready = true}};
  metrics.operations = {{.kind = "component.scale", .done = 7, .failed = 1}};
  metrics.bus_connected = true;
  metrics.memory_bytes = 123'456'789;
  metrics.cpu_seconds = 1.25;
  return metrics;
}

TEST(MetricsTest, a_page_passes_the_rules_of_the_format) {
  EXPECT_EQ(MetricsCheck::complaints(render(busy_host())), "");
  EXPECT_EQ(MetricsCheck::complaints(render(Metrics{})), "");
}

TEST(MetricsTest, calls_are_counted_by_component_and_interface) {
  const auto page = render(busy_host());
  EXPECT_EQ(sample(page, R"(weft_calls_total{component="cart",interface="acme:shop/cart@1.0.0"})"), 5) << page;
  EXPECT_EQ(sample(page, R"(weft_call_errors_total{component="cart",interface="acme:shop/cart@1.0.0"})"), 2);
  EXPECT_EQ(sample(page, R"(weft_calls_total{component="cart",interface="a:b/never"})"), 0);
  EXPECT_EQ(sample(page, R"(weft_calls_total{component="cart",interface=""})"), -1) << "nobody calls those";
  EXPECT_EQ(sample(page, R"(weft_calls_total{component="web",interface=""})"), 1);
  EXPECT_EQ(sample(page, R"(weft_instances_running{component="cart"})"), 2);
  EXPECT_EQ(sample(page, R"(weft_instances_limit{component="cart"})"), 10);
  EXPECT_EQ(sample(page, R"(weft_calls_queued{component="cart"})"), 1);
  EXPECT_EQ(sample(page, R"(weft_calls_shed_total{component="cart"})"), 4);
}

TEST(MetricsTest, durations_are_a_histogram_in_seconds) {
  const auto page = render(busy_host());
  const auto bucket = [&](const std::string& le) {
    return sample(page, R"(weft_call_duration_seconds_bucket{component="cart",interface="acme:shop/cart@1.0.0",le=")" +
                            le + R"("})");
  };
  EXPECT_EQ(bucket("1.6e-05"), 1) << page;
  EXPECT_EQ(bucket("6.4e-05"), 2);
  EXPECT_EQ(bucket("0.004096"), 3);
  EXPECT_EQ(bucket("16.777216"), 4);
  EXPECT_EQ(bucket("+Inf"), 5);
  EXPECT_NEAR(sample(page, R"(weft_call_duration_seconds_sum{component="cart",interface="acme:shop/cart@1.0.0"})"),
              102.003, 0.01);
  EXPECT_EQ(sample(page, R"(weft_call_duration_seconds_count{component="cart",interface="a:b/never"})"), -1);
}

TEST(MetricsTest, calls_are_counted_by_link) {
  const auto page = render(busy_host());
  const std::string labels = R"({source="web",link="default",interface="acme:shop/cart",target="cart")";
  EXPECT_EQ(sample(page, "weft_link_calls_total" + labels + "}"), 2) << page;
  EXPECT_EQ(sample(page, "weft_link_call_errors_total" + labels + "}"), 1);
  EXPECT_EQ(sample(page, "weft_link_call_duration_seconds_bucket" + labels + R"(,le="0.004096"})"), 1);
  EXPECT_EQ(sample(page, "weft_link_call_duration_seconds_bucket" + labels + R"(,le="+Inf"})"), 2);
  EXPECT_EQ(sample(page, "weft_link_call_duration_seconds_count" + labels + "}"), 2);
  EXPECT_NEAR(sample(page, "weft_link_call_duration_seconds_sum" + labels + "}"), 2.003, 0.001);
}

TEST(MetricsTest, the_rest_is_told_by_name) {
  const auto page = render(busy_host());
  EXPECT_EQ(sample(page, R"(weft_build_info{version="0.1.0"})"), 1);
  EXPECT_EQ(sample(page, R"(weft_host_info{host="NABC",name="quiet-harbor",lattice="default"})"), 1);
  EXPECT_EQ(sample(page, R"(weft_restarts_total{node="components/cart",kind="component"})"), 3);
  EXPECT_EQ(sample(page, R"(weft_node_ready{node="components/cart",kind="component"})"), 1);
  EXPECT_EQ(sample(page, R"(weft_operations_total{kind="component.scale",result="failed"})"), 1);
  EXPECT_EQ(sample(page, "weft_bus_connected"), 1);
  EXPECT_EQ(sample(page, "weft_components"), 2);
  EXPECT_EQ(sample(page, "process_resident_memory_bytes"), 123'456'789);
  EXPECT_EQ(sample(page, "process_cpu_seconds_total"), 1.25);
}

TEST(MetricsTest, label_values_are_escaped) {
  Metrics metrics;
  metrics.components = {{.id = "a\\b\"c\nd", .stats = {}}};
  const auto page = render(metrics);
  EXPECT_EQ(MetricsCheck::complaints(page), "");
  EXPECT_EQ(sample(page, R"(weft_instances_running{component="a\\b\"c\nd"})"), 0) << page;
}

TEST(MetricsTest, the_checker_finds_what_is_wrong) {
  for (const char* page : {
           "weft_x 1\n",                                              // neither help nor type
           "# HELP weft_x Text.\n# TYPE weft_x counter\nweft_x 1\n",  // a counter without _total
           "# HELP weft_x_total Text.\n# TYPE weft_x_total gauge\nweft_x_total 1\n",
           "# HELP weft_x Text.\n# TYPE weft_x gauge\nweft_x 1\nweft_x 2\n",    // twice
           "# HELP weft_x Text.\n# TYPE weft_x gauge\nweft_x{a=\"b\"c\"} 1\n",  // not escaped
           "# HELP weft_x Text.\n# TYPE weft_x gauge\nweft_x one\n",
           "# HELP weft_x Text.\n# TYPE weft_x gauge\nweft_x 1",
           "# HELP weft_x_ms Text.\n# TYPE weft_x_ms gauge\nweft_x_ms 1\n",
           "# HELP w Text.\n# TYPE w histogram\nw_bucket{le=\"1\"} 2\nw_bucket{le=\"+Inf\"} 1\nw_sum 1\nw_count 1\n",
           "# HELP w Text.\n# TYPE w histogram\nw_bucket{le=\"1\"} 1\nw_sum 1\nw_count 1\n",
       }) {
    EXPECT_NE(MetricsCheck::complaints(page), "") << page;
  }
}

TEST(ComponentStatsTest, quantiles_lie_within_their_bucket) {
  std::array<std::uint64_t, dispatch::kLatencyBuckets> latency{};
  EXPECT_EQ(dispatch::latency_quantile(latency, 0.5), 0ns);
  latency[dispatch::latency_bucket(100us)] = 99;
  latency[dispatch::latency_bucket(1s)] = 1;
  EXPECT_GE(dispatch::latency_quantile(latency, 0.5), 64us);
  EXPECT_LE(dispatch::latency_quantile(latency, 0.5), 128us);
  EXPECT_LE(dispatch::latency_quantile(latency, 0.99), 128us);
  EXPECT_GE(dispatch::latency_quantile(latency, 0.999), 500ms);
  EXPECT_LE(dispatch::latency_quantile(latency, 1.0), 1049ms);
}

}  // namespace
}  // namespace weft::host
