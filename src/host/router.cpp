// SPDX-License-Identifier: Apache-2.0
#include "host/router.hpp"

#include <fmt/format.h>

#include <utility>

#include "host/spy/tapped_target.hpp"
#include "wrpc/remote_target.hpp"

namespace weft::host {
namespace {

/// A shard that does not take a snapshot for this long is hung; commands do not hang with it.
constexpr std::chrono::milliseconds kSettleTimeout{5'000};

}  // namespace

Router::Router(async::Shard& control, dispatch::Dispatcher& dispatcher, const CallTap& tap, LogSink log)
    : dispatcher_(dispatcher),
      tap_(tap),
      log_(std::move(log)),
      table_(dispatcher.shards(), [this](const std::string& id) { return elsewhere(id); }),
      published_(control),
      tasks_(control) {}

void Router::join(wrpc::Endpoint& endpoint, FastPath fast_path) {
  endpoint_ = &endpoint;
  fast_path_ = fast_path;
  ingress_.emplace(endpoint);
}

std::shared_ptr<dispatch::Target> Router::elsewhere(const std::string& id) const {
  return endpoint_ == nullptr ? nullptr
                              : watched(std::make_shared<wrpc::RemoteTarget>(*endpoint_, id), wire::CallWay::out);
}

std::shared_ptr<dispatch::Target> Router::watched(std::shared_ptr<dispatch::Target> target, wire::CallWay way) const {
  return target ? std::make_shared<TappedTarget>(tap_, std::move(target), way) : nullptr;
}

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
  if (fast_path_ == FastPath::on) {
    table_.set_target(id, watched(target));
  }
  if (ingress_) {
    to_serve_.emplace_back(id, watched(target, wire::CallWay::in));
  }
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
    WEFT_CO_CHECK(co_await tell_lattice());
  }
  publishing_ = false;
  co_return published;
}

async::Task<void> Router::tell_lattice() {
  while (!to_serve_.empty()) {
    auto [id, target] = std::move(to_serve_.front());
    to_serve_.pop_front();
    const auto done = target ? co_await ingress_->serve(std::move(target)) : co_await ingress_->withdraw(id);
    if (!done && log_) {
      log_(LogLevel::error, id, fmt::format("the lattice cannot call it: {}", done.error().to_string()));
    }
  }
  co_return Result<void>();
}

boost::asio::awaitable<void> Router::settle() { return published_.wait_for(version_, kSettleTimeout); }

boost::asio::awaitable<void> Router::close() {
  co_await tasks_.close();
  if (ingress_) {
    (void)co_await ingress_->close();
  }
}

}  // namespace weft::host
