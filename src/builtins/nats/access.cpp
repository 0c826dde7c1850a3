// SPDX-License-Identifier: Apache-2.0
#include "builtins/nats/access.hpp"

#include <algorithm>

#include "bus/bus.hpp"

namespace weft::builtins::nats {
namespace {

constexpr std::chrono::milliseconds kJetstreamTimeout{5'000};

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

Error refused(std::string message, std::string hint) {
  return {Errc::invalid_argument, std::move(message), std::move(hint), Blame::operator_};
}

}  // namespace

std::string Access::shown() const { return bus::without_credentials(urls.front()); }

bus::NatsOptions Access::options(std::string_view name, std::string_view provider, const LogSink& log) const {
  bus::NatsOptions made;
  made.urls = urls;
  made.name = name;
  if (!client_jwt.empty()) made.credentials = bus::UserJwt{.jwt = client_jwt, .seed = client_seed};
  made.tls.ca_certificates = tls_ca;
  made.tls.ca_file = tls_ca_file;
  made.jetstream_domain = jetstream_domain;
  made.inbox_prefix = inbox_prefix;
  made.jetstream_timeout = kJetstreamTimeout;
  made.log = [log, provider = std::string(provider)](LogLevel level, std::string_view line) {
    log(level, provider, line);
  };
  return made;
}

ConfigMap merge(const ConfigMap& provider, const ConfigMap& link) {
  ConfigMap merged = link;
  // Inline certificates go before a file: those of the provider would else go before the link's file.
  const bool link_has_ca = link.contains("tls_ca") || link.contains("tls_ca_file");
  for (const auto& [key, value] : provider) {
    if (!link_has_ca || (key != "tls_ca" && key != "tls_ca_file")) merged.try_emplace(key, value);
  }
  return merged;
}

std::string_view value_or(const ConfigMap& config, std::string_view key, std::string_view fallback) {
  const auto found = config.find(std::string(key));
  return found == config.end() || found->second.empty() ? fallback : std::string_view(found->second);
}

std::vector<std::string> split_list(std::string_view text) {
  std::vector<std::string> parts;
  while (true) {
    const auto comma = text.find(',');
    if (const auto part = trim(text.substr(0, comma)); !part.empty()) parts.emplace_back(part);
    if (comma == std::string_view::npos) return parts;
    text.remove_prefix(comma + 1);
  }
}

Result<Access> parse_access(const ConfigMap& config, std::string_view url_key, std::string_view default_url) {
  Access access;
  access.urls = split_list(value_or(config, url_key, default_url));
  if (access.urls.empty()) {
    return refused("the configuration names no server in " + std::string(url_key),
                   "it looks like nats://host:4222, several with commas between them");
  }
  for (auto& url : access.urls) {
    if (!url.contains("://")) url.insert(0, "nats://");
  }
  access.client_jwt = value_or(config, "client_jwt", {});
  access.client_seed = value_or(config, "client_seed", {});
  if (access.client_jwt.empty() != access.client_seed.empty()) {
    return refused(access.client_jwt.empty() ? "client_seed is given without client_jwt"
                                             : "client_jwt is given without client_seed",
                   "give both or none");
  }
  access.tls_ca = value_or(config, "tls_ca", {});
  if (access.tls_ca.empty()) access.tls_ca_file = value_or(config, "tls_ca_file", {});
  access.jetstream_domain = value_or(config, "js_domain", {});
  if (!access.jetstream_domain.empty() &&
      (access.jetstream_domain.contains('.') || !bus::check_subject(access.jetstream_domain))) {
    return refused("js_domain is no name of a JetStream domain", "it is one word: letters, digits, '-' and '_'");
  }
  access.inbox_prefix = value_or(config, "custom_inbox_prefix", "_INBOX");
  if (!bus::check_subject(access.inbox_prefix)) {
    return refused("custom_inbox_prefix is no subject",
                   "it looks like _INBOX or _INBOX.mine, without a '.' at its end");
  }
  return access;
}

}  // namespace weft::builtins::nats
