// SPDX-License-Identifier: Apache-2.0
/// A few pages of text over HTTP, for the machines that watch a daemon: its metrics, whether it lives, whether it is
/// ready. GET and HEAD; anything else is 405, another path 404.
///
/// Ownership: by the node; borrows its shards, pool and the pages' makers until close() has ended. Threads: open() and
/// close() as tasks of the control shard; pages are made there too, or where the request arrived.
/// Errors of open(): invalid_argument (an address), io (in use), permission_denied.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "async/blocking_pool.hpp"
#include "async/shard.hpp"
#include "async/task.hpp"
#include "web/exchange.hpp"
#include "web/server.hpp"

namespace weft::host {

struct Page {
  unsigned status = 200;
  std::string content_type;
  std::string body;
};

struct PageSource {
  enum class Where : std::uint8_t {
    request,  ///< on the shard where the request arrived, at once
    control,  ///< on the control shard: no answer comes while that one hangs
  };
  std::function<Page()> make;
  Where where = Where::control;
};

class PageServer {
 public:
  using Pages = std::map<std::string, PageSource, std::less<>>;  ///< by path

  PageServer(async::Shard& control, async::ShardPool& shards, async::BlockingPool& pool);
  ~PageServer();
  PageServer(const PageServer&) = delete;
  PageServer& operator=(const PageServer&) = delete;

  /// Before open(). Pages for an address that has some already join them.
  void add(const std::string& address, Pages pages);

  async::Task<void> open();
  async::Task<void> close();
  /// Where the pages of an address as it was added are, with the real port; empty while it is closed.
  [[nodiscard]] std::string address_of(const std::string& address) const;

 private:
  class Handler;
  struct Site {
    std::unique_ptr<Handler> handler;
    std::unique_ptr<web::Server> server;
  };

  async::Shard& control_;
  async::ShardPool& shards_;
  async::BlockingPool& pool_;
  std::map<std::string, Pages> wanted_;
  std::map<std::string, Site> open_;
};

}  // namespace weft::host
