// SPDX-License-Identifier: Apache-2.0
/// What it costs http-server to find the link of a request: the shard's copy of the table and the look-up in it.
///
/// usage: site_lookup [LINKS]      prints {"path_ns": .., "prefix_ns": .., "host_ns": .., "build_us": ..}, medians
#include <fmt/core.h>
#include <time.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "builtins/http-server/site_table.hpp"
#include "builtins/published.hpp"

namespace {

using namespace weft::builtins;
using namespace weft::builtins::http_server;

/// The thread's own time: what others do on the machine is not counted.
double now_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

constexpr std::size_t kLookups = 100'000;
constexpr int kRounds = 15;

std::shared_ptr<const SiteTable> make_table(RoutingMode mode, std::string_view before, std::string_view after,
                                            std::size_t links) {
  std::vector<SharedSite> sites;
  const auto policy = std::make_shared<const Policy>();
  for (std::size_t i = 0; i < links; ++i) {
    sites.push_back(std::make_shared<const Site>(Site{.component = "component",
                                                      .link_name = "default",
                                                      .place = fmt::format("{}{}{}", before, i, after),
                                                      .policy = policy}));
  }
  return std::make_shared<const SiteTable>(mode, "host", std::move(sites));
}

template <class Work>
double median(Work work) {
  std::vector<double> times;
  for (int round = 0; round < kRounds; ++round) {
    const auto begin = now_ns();
    work();
    times.push_back(now_ns() - begin);
  }
  std::ranges::nth_element(times, times.begin() + kRounds / 2);
  return times[kRounds / 2];
}

double lookup_ns(const std::shared_ptr<const SiteTable>& table, std::string_view before, std::string_view after,
                 std::size_t links) {
  Published<SiteTable> published(1, table);
  std::vector<std::string> places;
  for (std::size_t i = 0; i < links; ++i) places.push_back(fmt::format("{}{}{}", before, (i * 7919) % links, after));
  weft::web::RequestHead request;
  request.headers = {{"host", {}}, {"user-agent", "bench"}, {"accept", "*/*"}};
  std::size_t found = 0;
  const auto took = median([&] {
    for (std::size_t i = 0; i < kLookups; ++i) {
      request.path_and_query = places[i % links];
      request.headers[0].value = places[i % links];
      found += published.read(0)->find(request).site != nullptr ? 1 : 0;
    }
  });
  if (found != kLookups * kRounds) fmt::print(stderr, "site_lookup: not all were found\n");
  return took / static_cast<double>(kLookups);
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t links = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 100;
  if (links == 0) return 2;
  const auto path = make_table(RoutingMode::path, "/application/", "", links);
  const auto prefix = make_table(RoutingMode::path, "/application/", "/*", links);
  const auto host = make_table(RoutingMode::host, "site-", ".example.org", links);
  fmt::print("{{\"path_ns\": {:.1f}, \"prefix_ns\": {:.1f}, \"host_ns\": {:.1f}, \"build_us\": {:.1f}}}\n",
             lookup_ns(path, "/application/", "?x=1", links),
             lookup_ns(prefix, "/application/", "/cart/items?x=1", links),
             lookup_ns(host, "site-", ".example.org", links),
             median([&] { static_cast<void>(make_table(RoutingMode::path, "/application/", "", links)); }) / 1000);
}
