// SPDX-License-Identifier: Apache-2.0
/// Keeps the dispatcher's snapshots in step with links and with what runs: the links of a source become its routes, and
/// a target that starts, changes or stops is put into every route that leads to it. In a lattice of several hosts it
/// besides serves what runs here to the others, and routes to what runs elsewhere.
///
/// Changes that come close together are published as one snapshot. Ownership: by the node; borrows the dispatcher.
/// Threads: the control shard.
#pragma once

#include <weft/log.hpp>

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "async/revision_gate.hpp"
#include "async/task_scope.hpp"
#include "dispatch/dispatcher.hpp"
#include "dispatch/routing.hpp"
#include "host/spy/call_tap.hpp"
#include "wire/link.hpp"
#include "wire/spy.hpp"
#include "wrpc/endpoint.hpp"
#include "wrpc/ingress.hpp"

namespace weft::host {

class Router {
 public:
  /// Everything that is routed to can be watched at `tap`, which outlives the calls.
  Router(async::Shard& control, dispatch::Dispatcher& dispatcher, const CallTap& tap, LogSink log);
  Router(const Router&) = delete;
  Router& operator=(const Router&) = delete;

  /// From now on the lattice is served, and called for what does not run here; with FastPath::off also for what does.
  /// Before the first link or target.
  enum class FastPath : std::uint8_t { on, off };
  void join(wrpc::Endpoint& endpoint, FastPath fast_path);

  void set_links(const std::string& source, const std::vector<wire::Link>& links);
  /// Null: it does not run any more.
  void set_target(const std::string& id, const std::shared_ptr<dispatch::Target>& target);
  /// Whoever serves `id` in the lattice; null in a lattice of one.
  [[nodiscard]] std::shared_ptr<dispatch::Target> elsewhere(const std::string& id) const;
  /// As what is routed to `target` goes there, for calls that take no route. Null: null.
  [[nodiscard]] std::shared_ptr<dispatch::Target> watched(std::shared_ptr<dispatch::Target> target,
                                                          wire::CallWay way = wire::CallWay::here) const;
  /// Done when every shard routes by all changes made so far.
  boost::asio::awaitable<void> settle();
  boost::asio::awaitable<void> close();

  /// What went over each link that has been used.
  [[nodiscard]] std::vector<dispatch::LinkFigures> figures() const { return table_.figures(); }
  [[nodiscard]] dispatch::Dispatcher& dispatcher() noexcept { return dispatcher_; }

 private:
  void changed();
  async::Task<void> publish();
  async::Task<void> tell_lattice();

  dispatch::Dispatcher& dispatcher_;
  const CallTap& tap_;
  LogSink log_;
  wrpc::Endpoint* endpoint_ = nullptr;  ///< null: a lattice of one
  std::optional<wrpc::Ingress> ingress_;
  FastPath fast_path_ = FastPath::on;
  std::deque<std::pair<std::string, std::shared_ptr<dispatch::Target>>> to_serve_;  ///< null: no more
  dispatch::RoutingTable table_;
  std::uint64_t version_ = 0;  ///< of the table
  bool publishing_ = false;
  async::RevisionGate published_;
  async::TaskScope tasks_;
};

}  // namespace weft::host
