// SPDX-License-Identifier: Apache-2.0
/// The requests that one call of a guest sends, each a web::Exchange: the same seam by which a server's requests reach
/// a component, so a request of a guest goes to another component, to the http-client built-in or to a test without
/// code of its own. Where it goes is the route's to say; without one every request is denied.
///
/// A handler that fails without saying how (Exchange::fail) gives the guest internal-error with the reason, and an
/// answer that has begun breaks off.
///
/// Ownership: OutgoingExchanges is owned by whoever owns the Call and may die before or after it; dying it cancels what
/// runs. Responders are destroyed from the loop's next turn, never from inside their own calls. Threads: the call's
/// shard.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>

#include "async/shard.hpp"
#include "dispatch/link_counters.hpp"
#include "engine/outgoing_http.hpp"
#include "web/exchange.hpp"

namespace weft::guest {

/// Who answers a request of the guest, held until the request is over; `meter` ends with it.
struct RoutedHttp {
  std::shared_ptr<web::Handler> handler;
  dispatch::CallMeter meter = {};  // NOLINT(readability-redundant-member-init): lets it be left out of initializers
  web::HttpCaller caller = {};     ///< views that are good while the request begins
};

/// An error gives the guest internal-error with its text. Called on the call's shard.
using HttpRoute = std::function<Result<RoutedHttp>(const web::RequestHead& request)>;

class OutgoingExchange;

class OutgoingExchanges {
 public:
  /// `id` is that of the call; requests carry it with their number behind. `depth` is how deep they are nested: beyond
  /// dispatch::kMaxDepth the guest gets loop-detected.
  OutgoingExchanges(async::Shard& shard, HttpRoute route, std::string id, std::uint32_t depth);
  ~OutgoingExchanges();
  OutgoingExchanges(const OutgoingExchanges&) = delete;
  OutgoingExchanges& operator=(const OutgoingExchanges&) = delete;

  /// For CallEvents::on_http.
  void begin(std::unique_ptr<engine::OutgoingHttp> request);
  [[nodiscard]] std::size_t size() const noexcept { return exchanges_.size(); }

 private:
  friend class OutgoingExchange;
  void remove(OutgoingExchange& exchange);

  async::Shard& shard_;
  HttpRoute route_;
  std::string id_;
  std::uint32_t depth_;
  std::uint64_t count_ = 0;
  // Shared with work that an exchange has posted, which finds it dead.
  std::list<std::shared_ptr<OutgoingExchange>> exchanges_;
};

}  // namespace weft::guest
