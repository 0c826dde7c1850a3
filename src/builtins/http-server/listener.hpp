// SPDX-License-Identifier: Apache-2.0
/// A port with the sites behind it. Owned by the provider; borrows the shards and the dispatcher. Threads: one caller
/// at a time, on no shard; open() and close() block.
/// Errors: open() -> invalid_argument, io (in use), permission_denied; hints speak of keys, not of the command line.
#pragma once

#include <weft/result.hpp>

#include <chrono>
#include <memory>
#include <string>

#include "builtins/http-server/site_handler.hpp"
#include "builtins/provider.hpp"
#include "web/server.hpp"

namespace weft::builtins::http_server {

class Listener {
 public:
  static Result<std::unique_ptr<Listener>> open(const ProviderContext& context, const std::string& address,
                                                const web::ServerLimits& limits,
                                                std::shared_ptr<const SiteTable> table);
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  /// With the real port.
  [[nodiscard]] std::string address() const { return server_->address(); }
  void serve(std::shared_ptr<const SiteTable> table) { handler_.serve(std::move(table)); }
  void refuse_new() noexcept { handler_.refuse_new(); }
  /// Gives up the port, waits up to `grace` for what runs, cancels the rest.
  void close(std::chrono::milliseconds grace) { server_->close(grace); }

 private:
  Listener(const ProviderContext& context, std::shared_ptr<const SiteTable> table);

  SiteHandler handler_;
  std::unique_ptr<web::Server> server_;  ///< null only inside open()
};

/// True if nobody can listen at both at once: the same port, and the same host or one that means all of them.
[[nodiscard]] bool addresses_overlap(const std::string& a, const std::string& b);

}  // namespace weft::builtins::http_server
