// SPDX-License-Identifier: Apache-2.0
#include "builtins/http-server/listener.hpp"

#include <utility>

#include "web/listen_address.hpp"

namespace weft::builtins::http_server {
namespace {

bool means_all(const std::string& host) { return host == "0.0.0.0" || host == "::"; }

}  // namespace

Listener::Listener(const ProviderContext& context, std::shared_ptr<const SiteTable> table)
    : handler_(*context.shards, *context.dispatcher, context.id, std::move(table)) {}

Listener::~Listener() {
  if (server_) server_->close(std::chrono::milliseconds(0));
}

Result<std::unique_ptr<Listener>> Listener::open(const ProviderContext& context, const std::string& address,
                                                 const web::ServerLimits& limits,
                                                 std::shared_ptr<const SiteTable> table) {
  auto listener = std::unique_ptr<Listener>(new Listener(context, std::move(table)));
  auto server = web::Server::create(*context.shards, listener->handler_,
                                    {.address = address, .limits = limits, .access_log = {}});
  if (!server) {
    const auto& error = server.error();
    return Error(error.code(), error.message(),
                 "stop what listens there, or choose another address; port 0 lets the system choose one",
                 error.blame());
  }
  listener->server_ = *std::move(server);
  return listener;
}

bool addresses_overlap(const std::string& a, const std::string& b) {
  const auto left = web::parse_listen_address(a);
  const auto right = web::parse_listen_address(b);
  if (!left || !right || left->port != right->port || left->port == 0) return false;
  return left->host == right->host || means_all(left->host) || means_all(right->host);
}

}  // namespace weft::builtins::http_server
