// SPDX-License-Identifier: Apache-2.0
#include "host/router.hpp"

#include <fmt/format.h>

#include <utility>

namespace weft::host {
namespace {

/// A shard that does not take a snapshot for this long is hung; commands do not hang with it.
constexpr std::chrono::milliseconds kSettleTimeout{5'000};

}  // namespace

Router::Router(async::Shard& control, dispatch::Dispatcher& dispatcher)
    : dispatcher_(dispatcher), table_(dispatcher.shards()), published_(control), tasks_(control) {}

void Router::set_links(const std::string& source, const std::vector<wire::Link>& links) {
  std::vector<dispatch::Route> routes;
  for (const auto& link : links) {
    for (const auto& interface : link.interfaces) {
      routes.push_back({.link_name = link.name,
                        .interface = fmt::format("{}:{}/{}", link.wit_namespace, link.wit_package, interface),
                        .target_id = link.target,
                        .target = nullptr});
    }
  }
  table_.set_routes(source, std::move(routes));
  changed();
}

void Router::set_target(const std::string& id, const std::shared_ptr<dispatch::Target>& target) {
  table_.set_target(id, target);
  changed();
}

void Router::changed() {
  ++version_;
  if (!std::exchange(publishing_, true)) {
    tasks_.spawn("publish routes", publish());
  }
}

async::Task<void> Router::publish() {
  Result<void> published;
  for (std::uint64_t done = 0; published && done != version_; published_.seen(done)) {
    done = version_;
    published = co_await dispatcher_.publish(table_.snapshot());
  }
  publishing_ = false;
  co_return published;
}

boost::asio::awaitable<void> Router::settle() { return published_.wait_for(version_, kSettleTimeout); }

boost::asio::awaitable<void> Router::close() { return tasks_.close(); }

}  // namespace weft::host
