// SPDX-License-Identifier: Apache-2.0
#include "builtins/http-server/http_server.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "builtins/http-server/listener.hpp"
#include "builtins/http-server/settings.hpp"
#include "builtins/http-server/site_table.hpp"

namespace weft::builtins {
namespace {

using namespace http_server;

/// How long the requests of a link that goes, or moves to another address, may take to end.
constexpr std::chrono::milliseconds kLinkGrace{5'000};

Error refused(Errc code, std::string message, std::string hint) {
  return {code, std::move(message), std::move(hint), Blame::operator_};
}

std::string describe(const ProviderLink& link) {
  return fmt::format("link \"{}\" from \"{}\" to \"{}\"", link.name, link.source, link.target);
}

class HttpServer final : public Provider {
 public:
  explicit HttpServer(ProviderContext context) : context_(std::move(context)) {}
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;
  ~HttpServer() override { stop(std::chrono::milliseconds(0)); }

  Result<void> start();
  [[nodiscard]] std::shared_ptr<dispatch::Target> target() override { return nullptr; }
  Result<void> put_link(const ProviderLink& link) override;
  void delete_link(const ProviderLink& link) override;
  Result<void> update_config(const ConfigMap& config) override;
  void stop(std::chrono::milliseconds grace) override;
  [[nodiscard]] std::vector<std::string> addresses() const override;

 private:
  /// Target, name, namespace and package; the source is always this provider.
  using LinkKey = std::tuple<std::string, std::string, std::string, std::string>;
  struct Entry {
    ProviderLink link;
    LinkSettings settings;
    std::unique_ptr<Listener> listener;  ///< address mode
    SharedSite site;                     ///< path and host mode
  };

  static LinkKey key_of(const ProviderLink& link) {
    return {link.target, link.name, link.wit_namespace, link.wit_package};
  }
  [[nodiscard]] bool has_own_addresses() const noexcept { return settings_.mode == RoutingMode::address; }
  [[nodiscard]] Result<void> check_link(const ProviderLink& link) const;
  Result<void> put_place(const ProviderLink& link, LinkSettings settings);
  [[nodiscard]] Result<void> check_place(const ProviderLink& link, const std::string& place) const;
  Result<void> put_address(const ProviderLink& link, LinkSettings settings);
  [[nodiscard]] Result<void> check_address(const ProviderLink& link, const std::string& address) const;
  [[nodiscard]] std::shared_ptr<const SiteTable> table_of(const ProviderLink& link, const LinkSettings& settings) const;
  [[nodiscard]] SharedSite make_site(const Entry& entry) const;
  [[nodiscard]] std::shared_ptr<const SiteTable> table_of_all() const;
  void log_site(const Entry& entry) const;
  void log(LogLevel level, std::string_view line) const;

  ProviderContext context_;
  ProviderSettings settings_;
  std::map<LinkKey, Entry> links_;
  std::unique_ptr<Listener> shared_;  ///< path and host mode
  bool is_stopped_ = false;
};

Result<void> HttpServer::start() {
  WEFT_TRY(settings_, read_provider_settings(context_.config));
  for (const auto& warning : settings_.warnings) log(LogLevel::warning, warning);
  if (has_own_addresses()) return {};
  auto listener = Listener::open(context_, settings_.default_address, settings_.limits, table_of_all());
  if (!listener) return std::move(listener).error();
  shared_ = *std::move(listener);
  return {};
}

Result<void> HttpServer::check_link(const ProviderLink& link) const {
  if (is_stopped_) return refused(Errc::unavailable, "http-server is stopped", "start the provider again");
  if (link.source != context_.id) {
    return refused(Errc::invalid_argument, fmt::format("{}: http-server calls, it is not called", describe(link)),
                   fmt::format("put the link from {} to the component", context_.id));
  }
  const bool is_http = link.wit_namespace == "wasi" && link.wit_package == "http" &&
                       std::ranges::find(link.interfaces, "incoming-handler") != link.interfaces.end();
  if (is_http) return {};
  return refused(Errc::invalid_argument,
                 fmt::format("{}: http-server calls wasi:http/incoming-handler and nothing else", describe(link)),
                 fmt::format("weft link put {} {} wasi http --interface incoming-handler", link.source, link.target));
}

Result<void> HttpServer::put_link(const ProviderLink& link) {
  WEFT_CHECK(check_link(link));
  auto settings = read_link_settings(link.source_config, settings_.mode, settings_.default_address);
  if (!settings) return std::move(settings).error().in(describe(link));
  for (const auto& warning : settings->warnings) {
    log(LogLevel::warning, fmt::format("{}: {}", describe(link), warning));
  }
  return has_own_addresses() ? put_address(link, *std::move(settings)) : put_place(link, *std::move(settings));
}

// Path and host mode.

Result<void> HttpServer::check_place(const ProviderLink& link, const std::string& place) const {
  for (const auto& [key, entry] : links_) {
    if (entry.settings.place == place && entry.link.target != link.target) {
      return refused(Errc::already_exists,
                     fmt::format("{}: {} \"{}\" is taken by {}", describe(link),
                                 settings_.mode == RoutingMode::path ? "path" : "host", place, describe(entry.link)),
                     "choose another, or delete that link first");
    }
  }
  return {};
}

Result<void> HttpServer::put_place(const ProviderLink& link, LinkSettings settings) {
  WEFT_CHECK(check_place(link, settings.place));
  auto& entry = links_[key_of(link)];
  const bool is_news = entry.settings.place != settings.place;
  entry.link = link;
  entry.settings = std::move(settings);
  entry.site = make_site(entry);
  shared_->serve(table_of_all());
  if (is_news) log_site(entry);
  return {};
}

SharedSite HttpServer::make_site(const Entry& entry) const {
  return std::make_shared<const Site>(Site{.component = entry.link.target,
                                           .link_name = entry.link.name,
                                           .place = entry.settings.place,
                                           .policy = settings_.policy});
}

std::shared_ptr<const SiteTable> HttpServer::table_of_all() const {
  std::vector<SharedSite> sites;
  sites.reserve(links_.size());
  for (const auto& [key, entry] : links_) {
    sites.push_back(entry.site);
  }
  return std::make_shared<const SiteTable>(settings_.mode, settings_.header, std::move(sites));
}

// Address mode.

Result<void> HttpServer::check_address(const ProviderLink& link, const std::string& address) const {
  const auto own = key_of(link);
  for (const auto& [key, entry] : links_) {
    if (key != own && addresses_overlap(address, entry.listener->address())) {
      return refused(Errc::already_exists,
                     fmt::format("{}: the address {} is taken by {}, which listens at {}", describe(link), address,
                                 describe(entry.link), entry.listener->address()),
                     "give the link another `address`, or use routing_mode path or host to share one");
    }
  }
  return {};
}

std::shared_ptr<const SiteTable> HttpServer::table_of(const ProviderLink& link, const LinkSettings& settings) const {
  std::vector<SharedSite> sites = {std::make_shared<const Site>(
      Site{.component = link.target, .link_name = link.name, .place = {}, .policy = settings.policy})};
  return std::make_shared<const SiteTable>(RoutingMode::address, settings_.header, std::move(sites));
}

Result<void> HttpServer::put_address(const ProviderLink& link, LinkSettings settings) {
  WEFT_CHECK(check_address(link, settings.address));
  const auto found = links_.find(key_of(link));
  if (found != links_.end() && found->second.settings.address == settings.address) {
    auto& entry = found->second;
    if (entry.settings.limits != settings.limits) {
      return refused(Errc::unsupported,
                     fmt::format("{}: limits cannot change while the link is served", describe(link)),
                     "delete the link and put it again");
    }
    entry.listener->serve(table_of(link, settings));
    entry.link = link;
    entry.settings = std::move(settings);
    return {};
  }
  auto listener = Listener::open(context_, settings.address, settings.limits, table_of(link, settings));
  if (!listener) return std::move(listener).error().in(describe(link));
  auto& entry = links_[key_of(link)];
  const auto old = std::exchange(entry.listener, *std::move(listener));
  entry.link = link;
  entry.settings = std::move(settings);
  log_site(entry);
  if (old) old->close(kLinkGrace);
  return {};
}

// Both.

void HttpServer::delete_link(const ProviderLink& link) {
  const auto found = links_.find(key_of(link));
  if (link.source != context_.id || found == links_.end()) return;
  const auto gone = std::move(found->second);
  links_.erase(found);
  if (gone.listener) {
    gone.listener->close(kLinkGrace);
  } else {
    shared_->serve(table_of_all());
  }
  log(LogLevel::info, fmt::format("no longer serves {} over {}", gone.link.target, describe(gone.link)));
}

Result<void> HttpServer::update_config(const ConfigMap& config) {
  if (is_stopped_) return refused(Errc::unavailable, "http-server is stopped", "start the provider again");
  WEFT_TRY(auto next, read_provider_settings(config));
  const auto fixed = [](std::string_view what) {
    return refused(Errc::unsupported, fmt::format("{} cannot change while http-server runs; all stays as it was", what),
                   "stop the provider and start it again");
  };
  if (next.mode != settings_.mode) return fixed("routing_mode");
  if (next.default_address != settings_.default_address) return fixed("default_address");
  if (shared_ && next.limits != settings_.limits) return fixed("a limit of the server");
  for (const auto& warning : next.warnings) log(LogLevel::warning, warning);
  settings_ = std::move(next);
  context_.config = config;
  if (!shared_) return {};
  for (auto& [key, entry] : links_) entry.site = make_site(entry);
  shared_->serve(table_of_all());
  return {};
}

void HttpServer::stop(std::chrono::milliseconds grace) {
  if (std::exchange(is_stopped_, true)) return;
  std::vector<std::unique_ptr<Listener>> listeners;
  if (shared_) listeners.push_back(std::move(shared_));
  for (auto& [key, entry] : links_) {
    if (entry.listener) listeners.push_back(std::move(entry.listener));
  }
  links_.clear();
  // They are closed one after the other, but refuse together and share the time.
  for (const auto& listener : listeners) listener->refuse_new();
  const auto end = std::chrono::steady_clock::now() + grace;
  for (const auto& listener : listeners) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
    listener->close(std::max(left, std::chrono::milliseconds(0)));
  }
}

std::vector<std::string> HttpServer::addresses() const {
  std::vector<std::string> result;
  if (shared_) result.push_back(shared_->address());
  for (const auto& [key, entry] : links_) {
    if (entry.listener) result.push_back(entry.listener->address());
  }
  return result;
}

void HttpServer::log_site(const Entry& entry) const {
  auto where = entry.listener ? entry.listener->address() : shared_->address();
  if (settings_.mode == RoutingMode::path) where += entry.settings.place;
  if (settings_.mode == RoutingMode::host) {
    where += fmt::format(" for {}: {}", settings_.header, entry.settings.place);
  }
  log(LogLevel::info, fmt::format("serves {} at {}", entry.link.target, where));
}

void HttpServer::log(LogLevel level, std::string_view line) const {
  if (context_.log) context_.log(level, {}, fmt::format("http-server {} {}", context_.id, line));
}

}  // namespace

Result<std::unique_ptr<Provider>> make_http_server(ProviderContext context) {
  auto server = std::make_unique<HttpServer>(std::move(context));
  WEFT_CHECK(server->start());
  return std::unique_ptr<Provider>(std::move(server));
}

}  // namespace weft::builtins
