// SPDX-License-Identifier: Apache-2.0
/// What the configurations of http-server and of its links say, read and checked.
///
/// Threads: plain values. Errors: invalid_argument (names the key), unsupported (TLS keys, config_b64).
/// Source: data-plane facts 5.2 (address, path and host mode), 5.5 (the settings of the external provider, which are
/// extensions here); keys of ours are named in README.md.
#pragma once

#include <weft/result.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "builtins/http-server/cors.hpp"
#include "builtins/provider.hpp"
#include "web/server.hpp"

namespace weft::builtins::http_server {

enum class RoutingMode : std::uint8_t {
  address,  ///< each link listens at an address of its own
  path,     ///< one address, links by the path of the request
  host,     ///< one address, links by the value of a header
};

/// What requests go through on their way to a component, and answers on their way back.
struct Policy {
  std::optional<Cors> cors;
  std::string cache_control;  ///< empty: none
  bool is_read_only = false;
  std::chrono::milliseconds head_timeout{0};  ///< until the head of the answer; 0: none
};

struct ProviderSettings {
  RoutingMode mode = RoutingMode::address;
  std::string default_address = "0.0.0.0:8000";
  std::string header = "host";  ///< lower case
  std::shared_ptr<const Policy> policy;
  web::ServerLimits limits;
  std::vector<std::string> warnings;  ///< keys that are given and have no effect
};

struct LinkSettings {
  std::string address;                   ///< address mode
  std::string place;                     ///< the path or host; empty in address mode
  std::shared_ptr<const Policy> policy;  ///< address mode; else the provider's holds
  web::ServerLimits limits;              ///< address mode
  std::vector<std::string> warnings;
};

Result<ProviderSettings> read_provider_settings(const ConfigMap& config);
Result<LinkSettings> read_link_settings(const ConfigMap& config, RoutingMode mode, const std::string& default_address);

}  // namespace weft::builtins::http_server
