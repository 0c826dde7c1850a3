// SPDX-License-Identifier: Apache-2.0
/// What routing costs with many links: a look-up, in an order that no cache foresees, and one change with the snapshot
/// that follows from it.
///
/// usage: route_lookup [LINKS]      prints {"lookup_ns": .., "set_routes_us": .., "set_target_us": ..}, medians
#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "dispatch/routing.hpp"

namespace {

using namespace weft::dispatch;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kLinksOfASource = 10;
constexpr std::size_t kTargets = 500;

class NoTarget final : public Target {
 public:
  [[nodiscard]] const std::string& id() const noexcept override { return id_; }
  std::unique_ptr<PendingCall> invoke(weft::async::Shard& /*shard*/, const Invocation& /*invocation*/,
                                      CallHandler& /*handler*/) override {
    return nullptr;
  }

 private:
  std::string id_;
};

std::string source_name(std::size_t number) { return fmt::format("component-of-an-application-{}", number); }
std::string interface_name(std::size_t number) { return fmt::format("acme:package/interface-{}", number); }
std::string target_name(std::size_t number) { return fmt::format("target-{}", number % kTargets); }

std::vector<Route> routes_of(std::size_t source, std::size_t shift) {
  std::vector<Route> routes;
  for (std::size_t link = 0; link < kLinksOfASource; ++link) {
    routes.push_back({"default", interface_name(link), target_name(source + link + shift), nullptr});
  }
  return routes;
}

template <class Work>
double median(int rounds, Work work) {
  std::vector<double> times;
  for (int round = 0; round < rounds; ++round) {
    const auto begin = Clock::now();
    work(static_cast<std::size_t>(round));
    times.push_back(std::chrono::duration<double, std::nano>(Clock::now() - begin).count());
  }
  std::ranges::nth_element(times, times.begin() + rounds / 2);
  return times[static_cast<std::size_t>(rounds / 2)];
}

double measure_lookup(const RoutingSnapshot& snapshot, std::size_t sources) {
  std::mt19937 random(1);
  struct Key {
    std::string source, interface;
  };
  std::vector<Key> keys;
  for (int key = 0; key < 100'000; ++key) {
    keys.push_back({source_name(random() % sources), interface_name(random() % kLinksOfASource)});
  }
  std::size_t found = 0;
  const auto nanos = median(9, [&](std::size_t /*round*/) {
    for (const auto& key : keys) {
      found += snapshot.find(key.source, "default", key.interface) ? 1 : 0;
    }
  });
  if (found != 9 * keys.size()) {
    fmt::print(stderr, "a link was not found\n");
    std::exit(1);
  }
  return nanos / static_cast<double>(keys.size());
}

}  // namespace

int main(int argc, char** argv) {
  const auto links = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 100'000;
  const auto sources = std::max<std::size_t>(1, links / kLinksOfASource);
  RoutingTable table;
  for (std::size_t source = 0; source < sources; ++source) {
    table.set_routes(source_name(source), routes_of(source, 0));
  }
  // Every source links to this one too.
  const auto target = std::make_shared<NoTarget>();
  for (std::size_t number = 0; number < kTargets; ++number) {
    table.set_target(target_name(number), target);
  }
  const auto lookup = measure_lookup(*table.snapshot(), sources);
  std::shared_ptr<const RoutingSnapshot> published = table.snapshot();
  const auto routes = median(201, [&](std::size_t round) {
    table.set_routes(source_name(round % sources), routes_of(round % sources, round + 1));
    published = table.snapshot();
  });
  const auto targets = median(201, [&](std::size_t round) {
    table.set_target(target_name(round), round % 2 == 0 ? nullptr : target);
    published = table.snapshot();
  });
  fmt::print("{{\"lookup_ns\": {:.0f}, \"set_routes_us\": {:.1f}, \"set_target_us\": {:.1f}}}\n", lookup, routes / 1000,
             targets / 1000);
  return 0;
}
