// SPDX-License-Identifier: Apache-2.0
/// What routing costs with many links: a look-up among the thousand that are in use, one of any (which the caches do
/// not hold), and one change with the snapshot that follows from it.
///
/// usage: route_lookup [LINKS]
///        prints {"lookup_ns": .., "cold_lookup_ns": .., "set_routes_us": .., "set_target_us": ..}, medians
#include <fmt/core.h>
#include <time.h>

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

/// This thread's own time: a busy machine does not count.
std::chrono::nanoseconds thread_time() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

constexpr std::size_t kLinksOfASource = 10;
constexpr std::size_t kTargets = 500;
constexpr std::size_t kLookups = 100'000;

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
    const auto begin = thread_time();
    work(static_cast<std::size_t>(round));
    times.push_back(std::chrono::duration<double, std::nano>(thread_time() - begin).count());
  }
  std::ranges::nth_element(times, times.begin() + rounds / 2);
  return times[static_cast<std::size_t>(rounds / 2)];
}

double measure_lookup(const RoutingSnapshot& snapshot, std::size_t sources, std::size_t in_use) {
  std::mt19937 random(1);
  // The texts one after the other: a caller has its own at hand.
  struct Key {
    char text[88];
    std::size_t source, interface;
  };
  std::vector<Key> keys(in_use);
  for (auto& key : keys) {
    const auto source = source_name(random() % sources);
    const auto interface = interface_name(random() % kLinksOfASource);
    std::ranges::copy(source + interface, key.text);
    key.source = source.size();
    key.interface = interface.size();
  }
  std::size_t found = 0;
  const auto repeat = kLookups / keys.size();
  const auto nanos = median(9, [&](std::size_t /*round*/) {
    for (std::size_t look = 0; look < repeat * keys.size(); ++look) {
      const auto& key = keys[look % keys.size()];
      found += snapshot.find({key.text, key.source}, "default", {key.text + key.source, key.interface}) ? 1 : 0;
    }
  });
  if (found != 9 * repeat * keys.size()) {
    fmt::print(stderr, "a link was not found\n");
    std::exit(1);
  }
  return nanos / static_cast<double>(repeat * keys.size());
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
  const auto lookup = measure_lookup(*table.snapshot(), sources, 1'000);
  const auto cold = measure_lookup(*table.snapshot(), sources, kLookups);
  std::shared_ptr<const RoutingSnapshot> published = table.snapshot();
  const auto routes = median(201, [&](std::size_t round) {
    table.set_routes(source_name(round % sources), routes_of(round % sources, round + 1));
    published = table.snapshot();
  });
  const auto targets = median(201, [&](std::size_t round) {
    table.set_target(target_name(round), round % 2 == 0 ? nullptr : target);
    published = table.snapshot();
  });
  fmt::print(
      "{{\"lookup_ns\": {:.0f}, \"cold_lookup_ns\": {:.0f}, \"set_routes_us\": {:.1f}, \"set_target_us\": {:.1f}}}\n",
      lookup, cold, routes / 1000, targets / 1000);
  return 0;
}
