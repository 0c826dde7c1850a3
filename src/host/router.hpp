// SPDX-License-Identifier: Apache-2.0
/// Keeps the dispatcher's snapshots in step with links and with what runs: the links of a source become its routes, and
/// a target that starts, changes or stops is put into every route that leads to it.
///
/// Changes that come close together are published as one snapshot. Ownership: by the node; borrows the dispatcher.
/// Threads: the control shard.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "async/revision_gate.hpp"
#include "async/task_scope.hpp"
#include "dispatch/dispatcher.hpp"
#include "dispatch/routing.hpp"
#include "wire/link.hpp"

namespace weft::host {

class Router {
 public:
  Router(async::Shard& control, dispatch::Dispatcher& dispatcher);
  Router(const Router&) = delete;
  Router& operator=(const Router&) = delete;

  void set_links(const std::string& source, const std::vector<wire::Link>& links);
  /// Null: it does not run any more.
  void set_target(const std::string& id, const std::shared_ptr<dispatch::Target>& target);
  /// Done when every shard routes by all changes made so far.
  boost::asio::awaitable<void> settle();
  boost::asio::awaitable<void> close();

  /// What went over each link that has been used.
  [[nodiscard]] std::vector<dispatch::LinkFigures> figures() const { return table_.figures(); }
  [[nodiscard]] dispatch::Dispatcher& dispatcher() noexcept { return dispatcher_; }

 private:
  void changed();
  async::Task<void> publish();

  dispatch::Dispatcher& dispatcher_;
  dispatch::RoutingTable table_;
  std::uint64_t version_ = 0;  ///< of the table
  bool publishing_ = false;
  async::RevisionGate published_;
  async::TaskScope tasks_;
};

}  // namespace weft::host
