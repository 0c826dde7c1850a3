// SPDX-License-Identifier: Apache-2.0
#include "host/metrics.hpp"

#include <fmt/format.h>

#include <initializer_list>
#include <iterator>
#include <string_view>
#include <utility>

namespace weft::host {
namespace {

using Labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;

/// Every second power of two microseconds from 16 us to 16.8 s: 12 lines for an interface instead of 27.
constexpr std::size_t kFirstBound = 4;
constexpr std::size_t kBoundStep = 2;

std::string escaped(std::string_view value) {
  std::string text;
  text.reserve(value.size());
  for (const char character : value) {
    switch (character) {
      case '\\':
        text += "\\\\";
        break;
      case '"':
        text += "\\\"";
        break;
      case '\n':
        text += "\\n";
        break;
      default:
        text += character;
    }
  }
  return text;
}

std::string to_text(Labels labels) {
  std::string text;
  for (const auto& [name, value] : labels) {
    fmt::format_to(std::back_inserter(text), "{}{}=\"{}\"", text.empty() ? "{" : ",", name, escaped(value));
  }
  return text.empty() ? text : text + "}";
}

class Page {
 public:
  void begin(std::string_view name, std::string_view type, std::string_view help) {
    name_ = name;
    fmt::format_to(out(), "# HELP {0} {2}\n# TYPE {0} {1}\n", name, type, help);
  }
  template <class Number>
  void sample(Labels labels, Number value, std::string_view suffix = {}) {
    fmt::format_to(out(), "{}{}{} {}\n", name_, suffix, to_text(labels), value);
  }
  template <class Number>
  void one(std::string_view name, std::string_view type, std::string_view help, Number value) {
    begin(name, type, help);
    sample({}, value);
  }
  std::string take() { return std::move(text_); }

 private:
  std::back_insert_iterator<std::string> out() { return std::back_inserter(text_); }
  std::string text_;
  std::string_view name_;
};

double seconds(std::chrono::nanoseconds time) { return std::chrono::duration<double>(time).count(); }

/// `with_bound` writes the line of a bucket, which has one label more.
template <class WithBound>
void histogram(Page& page, const dispatch::CallFigures& figures, Labels labels, WithBound with_bound) {
  std::uint64_t below = 0;
  std::size_t counted = 0;
  for (std::size_t bound = kFirstBound; bound + 1 < dispatch::kLatencyBuckets; bound += kBoundStep) {
    for (; counted <= bound; ++counted) {
      below += figures.latency[counted];
    }
    with_bound(fmt::format("{}", static_cast<double>(1ULL << bound) / 1'000'000), below);
  }
  with_bound("+Inf", figures.calls);
  page.sample(labels, seconds(figures.time), "_sum");
  page.sample(labels, figures.calls, "_count");
}

/// A component's own functions share one entry without a name, which most components never need.
bool is_told(const guest::InterfaceStats& stats) { return !stats.interface.empty() || stats.calls != 0; }

template <class Write>
void each_interface(const Metrics& metrics, Write write) {
  for (const auto& component : metrics.components) {
    for (const auto& stats : component.stats.interfaces) {
      if (is_told(stats)) {
        write(component.id, stats);
      }
    }
  }
}

void calls(Page& page, const Metrics& metrics) {
  page.begin("weft_calls_total", "counter", "Calls and HTTP requests that a component has ended.");
  each_interface(metrics, [&](const auto& id, const auto& stats) {
    page.sample({{"component", id}, {"interface", stats.interface}}, stats.calls);
  });
  page.begin("weft_call_errors_total", "counter", "Those of them that failed.");
  each_interface(metrics, [&](const auto& id, const auto& stats) {
    page.sample({{"component", id}, {"interface", stats.interface}}, stats.errors);
  });
  page.begin("weft_call_duration_seconds", "histogram", "How long they took, waiting for their turn included.");
  each_interface(metrics, [&](const auto& id, const auto& stats) {
    if (stats.calls != 0) {
      histogram(page, stats, {{"component", id}, {"interface", stats.interface}},
                [&](const std::string& le, std::uint64_t below) {
                  page.sample({{"component", id}, {"interface", stats.interface}, {"le", le}}, below, "_bucket");
                });
    }
  });
}

void links(Page& page, const Metrics& metrics) {
  const auto each = [&](std::string_view name, std::string_view help, auto figure) {
    page.begin(name, "counter", help);
    for (const auto& link : metrics.link_calls) {
      page.sample(
          {{"source", link.source}, {"link", link.link_name}, {"interface", link.interface}, {"target", link.target}},
          figure(link));
    }
  };
  each("weft_link_calls_total", "Calls and HTTP requests over a link that have ended.",
       [](const auto& link) { return link.calls; });
  each("weft_link_call_errors_total", "Those of them that failed.", [](const auto& link) { return link.errors; });
  page.begin("weft_link_call_duration_seconds", "histogram", "How long they took, as the caller saw it.");
  for (const auto& link : metrics.link_calls) {
    histogram(
        page, link,
        {{"source", link.source}, {"link", link.link_name}, {"interface", link.interface}, {"target", link.target}},
        [&](const std::string& le, std::uint64_t below) {
          page.sample({{"source", link.source},
                       {"link", link.link_name},
                       {"interface", link.interface},
                       {"target", link.target},
                       {"le", le}},
                      below, "_bucket");
        });
  }
}

void components(Page& page, const Metrics& metrics) {
  const auto each = [&](std::string_view name, std::string_view type, std::string_view help, auto figure) {
    page.begin(name, type, help);
    for (const auto& component : metrics.components) {
      page.sample({{"component", component.id}}, figure(component.stats));
    }
  };
  each("weft_instances_running", "gauge", "Instances of a component that run now, one for each call.",
       [](const auto& stats) { return stats.running; });
  each("weft_instances_limit", "gauge", "How many of them may run at once; 0 is no limit.",
       [](const auto& stats) { return stats.max_instances; });
  each("weft_calls_queued", "gauge", "Calls that wait for an instance.",
       [](const auto& stats) { return stats.queued; });
  each("weft_calls_shed_total", "counter", "Calls that were refused because as many waited already as may.",
       [](const auto& stats) { return stats.shed; });
}

void tree(Page& page, const Metrics& metrics) {
  page.begin("weft_restarts_total", "counter", "Restarts of a place of the supervision tree.");
  for (const auto& place : metrics.places) {
    page.sample({{"node", place.path}, {"kind", place.kind}}, place.restarts);
  }
  page.begin("weft_node_ready", "gauge", "Whether a place of the supervision tree is ready.");
  for (const auto& place : metrics.places) {
    page.sample({{"node", place.path}, {"kind", place.kind}}, place.is_ready ? 1 : 0);
  }
}

void operations(Page& page, const Metrics& metrics) {
  page.begin("weft_operations_total", "counter", "Commands that have been carried out, by how they ended.");
  for (const auto& one : metrics.operations) {
    page.sample({{"kind", one.kind}, {"result", "done"}}, one.done);
    page.sample({{"kind", one.kind}, {"result", "failed"}}, one.failed);
  }
  page.one("weft_operations_running", "gauge", "Commands that are being carried out.", metrics.operations_running);
}

void host(Page& page, const Metrics& metrics) {
  page.begin("weft_build_info", "gauge", "The version of weft; always 1.");
  page.sample({{"version", metrics.version}}, 1);
  page.begin("weft_host_info", "gauge", "Who this host is; always 1.");
  page.sample({{"host", metrics.host_id}, {"name", metrics.host_name}, {"lattice", metrics.lattice}}, 1);
  page.one("weft_uptime_seconds", "gauge", "How long this host has been in its lattice.", metrics.uptime.count());
  page.one("weft_components", "gauge", "Components that run here.", metrics.components.size());
  page.one("weft_providers", "gauge", "Providers that run here.", metrics.providers);
  page.one("weft_links", "gauge", "Links of the lattice.", metrics.links);
  page.one("weft_bus_connected", "gauge", "Whether the bus of the lattice is connected.",
           metrics.bus_connected ? 1 : 0);
  page.one("weft_bus_dropped_messages_total", "counter", "Messages that slow subscriptions have dropped.",
           metrics.bus_dropped);
  page.one("weft_exceptions_total", "counter",
           "Exceptions that reached a fence; each is a bug of weft or of a built-in.", metrics.exceptions);
  page.one("weft_engine_pooling", "gauge", "Whether instances come from the pool.", metrics.engine_pooling ? 1 : 0);
}

void process(Page& page, const Metrics& metrics) {
  page.one("process_resident_memory_bytes", "gauge", "Resident memory size in bytes.", metrics.memory_bytes);
  page.one("process_cpu_seconds_total", "counter", "Total user and system CPU time spent in seconds.",
           metrics.cpu_seconds);
}

}  // namespace

std::string render(const Metrics& metrics) {
  Page page;
  host(page, metrics);
  calls(page, metrics);
  links(page, metrics);
  components(page, metrics);
  tree(page, metrics);
  operations(page, metrics);
  process(page, metrics);
  return page.take();
}

}  // namespace weft::host
