// SPDX-License-Identifier: Apache-2.0
#include "builtins/http-server/settings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <span>
#include <string_view>
#include <utility>

#include "builtins/http-server/config_reader.hpp"
#include "web/framing.hpp"
#include "web/listen_address.hpp"

namespace weft::builtins::http_server {
namespace {

constexpr std::array<std::string_view, 5> kCorsKeys = {"cors_allowed_headers", "cors_allowed_methods",
                                                       "cors_allowed_origins", "cors_exposed_headers",
                                                       "cors_max_age_secs"};
constexpr std::size_t kMinHeaderBytes = 1024;

Result<void> refuse_tls(const ConfigReader& reader) {
  const auto* const key = reader.find_prefix("tls_");
  if (key == nullptr) return {};
  return Error(Errc::unsupported, fmt::format("key `{}` is given, but this http-server does not speak TLS", *key),
               "leave the tls_ keys out and let a proxy in front end TLS", Blame::operator_);
}

/// A mistyped key would else open the site to every origin.
void refuse_unknown_cors(ConfigReader& reader) {
  for (const auto& [key, value] : reader.values()) {
    if (key.starts_with("cors_") && std::ranges::find(kCorsKeys, key) == kCorsKeys.end()) {
      reader.reject(key,
                    "is unknown; there are cors_allowed_origins, cors_allowed_methods, cors_allowed_headers, "
                    "cors_exposed_headers and cors_max_age_secs");
    }
  }
}

bool is_origin(std::string_view text) {
  for (const std::string_view scheme : {"https://", "http://"}) {
    if (text.starts_with(scheme)) return web::is_authority(text.substr(scheme.size()));
  }
  return false;
}

void to_lower(std::string& text) {
  std::ranges::transform(text, text.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
}

void check_tokens(ConfigReader& reader, std::string_view key, std::span<const std::string> names) {
  if (!std::ranges::all_of(names, web::is_token)) reader.reject(key, "has a name that is not possible in HTTP");
}

std::optional<Cors> read_cors(ConfigReader& reader) {
  if (reader.find_prefix("cors_") == nullptr) return {};
  refuse_unknown_cors(reader);
  CorsSettings settings;
  reader.texts("cors_allowed_origins", settings.origins)
      .texts("cors_allowed_headers", settings.headers)
      .texts("cors_allowed_methods", settings.methods)
      .texts("cors_exposed_headers", settings.exposed)
      .number("cors_max_age_secs", settings.max_age_seconds, 0, std::numeric_limits<std::uint32_t>::max());
  std::ranges::for_each(settings.origins, to_lower);
  if (!std::ranges::all_of(settings.origins, is_origin)) {
    reader.reject("cors_allowed_origins",
                  "must list origins like https://example.org or http://localhost:3000; leave "
                  "the list empty to allow any");
  }
  check_tokens(reader, "cors_allowed_headers", settings.headers);
  check_tokens(reader, "cors_allowed_methods", settings.methods);
  check_tokens(reader, "cors_exposed_headers", settings.exposed);
  return Cors(settings);
}

std::shared_ptr<const Policy> read_policy(ConfigReader& reader) {
  Policy policy;
  policy.cors = read_cors(reader);
  reader.text("cache_control", policy.cache_control)
      .flag("readonly_mode", policy.is_read_only)
      .milliseconds("timeout_ms", policy.head_timeout, 1);
  if (!web::is_field_value(policy.cache_control)) reader.reject("cache_control", "is not possible in an HTTP header");
  return std::make_shared<const Policy>(std::move(policy));
}

web::ServerLimits read_limits(ConfigReader& reader) {
  web::ServerLimits limits;
  reader.number("max_body_bytes", limits.max_body_bytes, 0, std::numeric_limits<std::uint64_t>::max())
      .size("max_header_bytes", limits.max_header_bytes, kMinHeaderBytes)
      .size("max_connections", limits.max_connections, 1)
      .size("max_requests_in_flight", limits.max_requests_in_flight, 1)
      .milliseconds("header_timeout_ms", limits.header_timeout, 1)
      .milliseconds("idle_timeout_ms", limits.idle_timeout, 1)
      .milliseconds("io_timeout_ms", limits.io_timeout, 1)
      .milliseconds("request_timeout_ms", limits.request_timeout, 0);
  return limits;
}

void read_address(ConfigReader& reader, std::string_view key, std::string& out) {
  reader.text(key, out);
  if (const auto address = web::parse_listen_address(out); !address) {
    reader.reject(key, "must be host:port, like 0.0.0.0:8000 or [::1]:8000; port 0 lets the system choose");
  }
}

RoutingMode read_mode(ConfigReader& reader) {
  const auto* const text = reader.find("routing_mode");
  if (text == nullptr || *text == "address") return RoutingMode::address;
  if (*text == "path") return RoutingMode::path;
  if (*text == "host") return RoutingMode::host;
  reader.reject("routing_mode", "must be address, path or host");
  return RoutingMode::address;
}

void check_path(ConfigReader& reader, std::string_view path) {
  if (!path.starts_with('/') || path.find_first_of("?#") != std::string_view::npos) {
    reader.reject("path", "must begin with a slash and hold neither ? nor #");
  }
}

/// The one key that every link of the mode has.
std::string read_place(ConfigReader& reader, RoutingMode mode) {
  const std::string_view key = mode == RoutingMode::path ? "path" : "host";
  std::string place;
  reader.text(key, place);
  if (place.empty()) {
    reader.reject(key, fmt::format("is missing: in routing mode `{0}` each link needs a {0} of its own", key));
  } else if (mode == RoutingMode::path) {
    check_path(reader, place);
  }
  return place;
}

/// What 1.9 passes over in silence.
void warn(const ConfigReader& reader, std::initializer_list<std::string_view> keys, std::string_view why,
          std::vector<std::string>& warnings) {
  for (const auto key : keys) {
    if (reader.find(key) != nullptr) warnings.push_back(fmt::format("key `{}` has no effect: {}", key, why));
  }
}

}  // namespace

Result<ProviderSettings> read_provider_settings(const ConfigMap& config) {
  WEFT_TRY(auto reader, ConfigReader::create(config));
  WEFT_CHECK(refuse_tls(reader));
  ProviderSettings settings;
  settings.mode = read_mode(reader);
  read_address(reader, "default_address", settings.default_address);
  reader.text("header", settings.header);
  to_lower(settings.header);
  if (!web::is_token(settings.header)) reader.reject("header", "is no name of an HTTP header");
  settings.policy = read_policy(reader);
  settings.limits = read_limits(reader);
  WEFT_CHECK(reader.check());
  warn(reader, {"port"}, "write default_address", settings.warnings);
  if (settings.mode != RoutingMode::host) {
    warn(reader, {"header"}, "it belongs to routing mode host", settings.warnings);
  }
  return settings;
}

Result<LinkSettings> read_link_settings(const ConfigMap& config, RoutingMode mode, const std::string& default_address) {
  WEFT_TRY(auto reader, ConfigReader::create(config));
  WEFT_CHECK(refuse_tls(reader));
  LinkSettings settings;
  if (mode == RoutingMode::address) {
    settings.address = default_address;
    read_address(reader, "address", settings.address);
    settings.policy = read_policy(reader);
    settings.limits = read_limits(reader);
    warn(reader, {"port"}, "write address", settings.warnings);
    warn(reader, {"path", "host"}, "the provider's routing_mode is address", settings.warnings);
  } else {
    settings.place = read_place(reader, mode);
    warn(reader, {"address", "port"}, "all links share the provider's default_address", settings.warnings);
    warn(reader, {"cache_control", "readonly_mode", "timeout_ms", "cors_allowed_origins", "max_body_bytes"},
         "in this routing mode it belongs to the provider's configuration", settings.warnings);
  }
  WEFT_CHECK(reader.check());
  return settings;
}

}  // namespace weft::builtins::http_server
