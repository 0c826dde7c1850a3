// SPDX-License-Identifier: Apache-2.0
#include "builtins/http-client/http_client.hpp"

#include <fmt/format.h>

#include <utility>

#include "base/assert.hpp"
#include "dispatch/target.hpp"

namespace weft::builtins {
namespace {

Result<bool> read_flag(const ConfigMap& config, const std::string& key) {
  const auto found = config.find(key);
  if (found == config.end()) {
    return true;
  }
  if (found->second == "true" || found->second == "false") {
    return found->second == "true";
  }
  return Error(Errc::invalid_argument, fmt::format("http-client: {} is '{}'", key, found->second),
               "set it to true or false", Blame::operator_);
}

class ClientTarget final : public dispatch::Target {
 public:
  ClientTarget(std::string id, std::shared_ptr<web::ClientHandler> handler)
      : id_(std::move(id)), handler_(std::move(handler)) {}

  [[nodiscard]] const std::string& id() const noexcept override { return id_; }

  [[nodiscard]] std::unique_ptr<dispatch::PendingCall> invoke(async::Shard& /*shard*/,
                                                              const dispatch::Invocation& invocation,
                                                              dispatch::CallHandler& handler) override {
    handler.on_error(Error(Errc::not_found,
                           fmt::format("http-client has no function {}#{}", invocation.interface, invocation.function),
                           "it answers wasi:http/outgoing-handler alone", Blame::peer));
    return nullptr;
  }

  [[nodiscard]] web::Handler* http() noexcept override { return handler_.get(); }

 private:
  std::string id_;
  std::shared_ptr<web::ClientHandler> handler_;
};

class HttpClient final : public Provider {
 public:
  HttpClient(std::string id, std::unique_ptr<web::ClientHandler> handler)
      : handler_(std::move(handler)), target_(std::make_shared<ClientTarget>(std::move(id), handler_)) {}
  ~HttpClient() override { stop(std::chrono::milliseconds(0)); }
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  [[nodiscard]] std::shared_ptr<dispatch::Target> target() override { return target_; }
  Result<void> put_link(const ProviderLink& /*link*/) override { return {}; }
  void delete_link(const ProviderLink& /*link*/) override {}

  Result<void> update_config(const ConfigMap& config) override {
    WEFT_CHECK(parse_http_client_config(config));
    return {};
  }

  void stop(std::chrono::milliseconds grace) override { handler_->close(grace); }

 private:
  // Shared with the target, which calls that began before stop() may hold.
  std::shared_ptr<web::ClientHandler> handler_;
  std::shared_ptr<ClientTarget> target_;
};

}  // namespace

Result<web::ClientConfig> parse_http_client_config(const ConfigMap& config) {
  WEFT_TRY(const bool native, read_flag(config, "load_native_certs"));
  WEFT_TRY(const bool bundled, read_flag(config, "load_webpki_certs"));
  web::ClientConfig client;
  client.trust.system_roots = native || bundled;
  if (const auto found = config.find("ssl_certs_file"); found != config.end()) {
    client.trust.extra_roots_file = found->second;
  }
  return client;
}

Result<std::unique_ptr<Provider>> make_http_client(ProviderContext context) {
  WEFT_ASSERT(context.shards != nullptr);
  WEFT_TRY(web::ClientConfig config, parse_http_client_config(context.config));
  WEFT_TRY(std::unique_ptr<web::ClientHandler> handler, web::ClientHandler::create(*context.shards, std::move(config)));
  return std::unique_ptr<Provider>(std::make_unique<HttpClient>(std::move(context.id), std::move(handler)));
}

}  // namespace weft::builtins
