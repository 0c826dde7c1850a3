// SPDX-License-Identifier: Apache-2.0
/// Answers the requests of one listener: finds the site, then the component that the site's link leads to at this
/// moment, and hands the request over on the shard where it arrived. What nobody can answer gets a short text that says
/// why, never a bare end of the connection.
///
/// Borrows the dispatcher. Threads: on_request() on every shard at once, reads without a lock; serve() and
/// refuse_new() any.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "async/shard.hpp"
#include "builtins/http-server/site_table.hpp"
#include "builtins/published.hpp"
#include "dispatch/dispatcher.hpp"
#include "web/exchange.hpp"

namespace weft::builtins::http_server {

class SiteHandler final : public web::Handler {
 public:
  SiteHandler(const async::ShardPool& shards, const dispatch::Dispatcher& dispatcher, std::string provider,
              std::shared_ptr<const SiteTable> table);

  [[nodiscard]] std::unique_ptr<web::Responder> on_request(web::Exchange& exchange) override;

  /// From the next request on.
  void serve(std::shared_ptr<const SiteTable> table) { table_.publish(std::move(table)); }
  /// Requests from now on get 503.
  void refuse_new() noexcept { is_stopping_.store(true, std::memory_order_relaxed); }

 private:
  const dispatch::Dispatcher& dispatcher_;
  std::string provider_;
  std::atomic<bool> is_stopping_{false};
  Published<SiteTable> table_;
};

}  // namespace weft::builtins::http_server
