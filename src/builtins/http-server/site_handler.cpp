// SPDX-License-Identifier: Apache-2.0
#include "builtins/http-server/site_handler.hpp"

#include <fmt/format.h>

#include <utility>
#include <vector>

#include "builtins/http-server/site_responder.hpp"

namespace weft::builtins::http_server {
namespace {

constexpr std::string_view kInterface = "wasi:http/incoming-handler";

std::unique_ptr<web::Responder> answer(web::Exchange& exchange, unsigned status, std::string body,
                                       std::vector<web::Header> headers = {}) {
  return std::make_unique<FixedResponder>(exchange, status, std::move(headers), std::move(body));
}

/// An answer in a component's place: a page of another origin may read it where it might read the component's.
std::unique_ptr<web::Responder> answer_for(const Policy& policy, web::Exchange& exchange, unsigned status,
                                           std::string body, std::vector<web::Header> headers = {}) {
  if (policy.cors) policy.cors->decorate(exchange.request(), headers);
  return answer(exchange, status, std::move(body), std::move(headers));
}

std::string no_target(const Site& site, const Error& error) {
  if (error.code() == Errc::unavailable) {
    return fmt::format("component \"{0}\" does not run here\nstart it: weft start component <ref> {0}", site.component);
  }
  return fmt::format("component \"{}\" cannot be reached: {}\n{}", site.component, error.message(), error.hint());
}

bool only_reads(std::string_view method) noexcept { return method == "GET" || method == "HEAD"; }

}  // namespace

SiteHandler::SiteHandler(const async::ShardPool& shards, const dispatch::Dispatcher& dispatcher, std::string provider,
                         std::shared_ptr<const SiteTable> table)
    : dispatcher_(dispatcher), provider_(std::move(provider)), table_(shards.size(), std::move(table)) {}

std::unique_ptr<web::Responder> SiteHandler::on_request(web::Exchange& exchange) {
  if (is_stopping_.load(std::memory_order_relaxed)) return answer(exchange, 503, "this server is stopping");
  auto& shard = exchange.shard();
  const auto& request = exchange.request();
  const auto found = table_.read(shard.index())->find(request);
  if (found.site == nullptr) return answer(exchange, found.status, std::string(found.reason));
  const auto& site = **found.site;
  const auto& policy = *site.policy;
  if (policy.cors && Cors::is_preflight(request)) {
    return answer(exchange, 200, {}, policy.cors->preflight_answer(request));
  }
  if (policy.is_read_only && !only_reads(request.method)) {
    return answer_for(policy, exchange, 405, "only GET and HEAD are allowed here", {{"allow", "GET, HEAD"}});
  }
  dispatch::CallMeter meter;
  auto target = dispatcher_.find(shard, provider_, site.link_name, kInterface, &meter);
  if (!target) return answer_for(policy, exchange, 503, no_target(site, target.error()));
  auto* const handler = (*target)->http();
  if (handler == nullptr) {
    return answer_for(
        policy, exchange, 502,
        fmt::format("component \"{}\" does not answer HTTP\nlink one that exports {}", (*target)->id(), kInterface));
  }
  return std::make_unique<SiteResponder>(exchange, *found.site, provider_, *std::move(target), *handler,
                                         std::move(meter));
}

}  // namespace weft::builtins::http_server
