// SPDX-License-Identifier: Apache-2.0
/// What an operator may set for keyvalue-redis. Keys are read whatever their case; (L) with a link, going before the
/// provider's, (P) with the provider alone.
///
///   URL                                L P   redis://127.0.0.1:6379/ ; redis://user:password@host:port/database,
///                                            redis+unix:///path?db=0&user=u&pass=p
///   BACKEND_CONNECTION_TIMEOUT_MS      P     3000; one attempt to connect
///   BACKEND_RESPONSE_TIMEOUT_MS        P     1000; one command
///   BACKEND_RECONNECT_NUM_RETRIES      P     3
///   BACKEND_RECONNECT_MAX_DELAY_MS     P     300; between attempts
///   DISABLE_DEFAULT_CONNECTION         P     off; its presence refuses links that have no URL of their own
///   SHARE_CONNECTIONS_BY_URL           P     off; its presence lets links with equal URLs share connections
///   watch                              L     of a link to a component's watcher: SET@key,DEL@key
///
/// The URL holds a password: it is shown by shown() alone. Threads: plain values. Source: data-plane facts 5.6.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <weft/call_info.hpp>
#include <weft/result.hpp>

namespace weft::builtins::keyvalue_redis {

struct Server {
  std::string host = "127.0.0.1";
  int port = 6379;
  std::string socket_path = {};  ///< goes before host and port
  std::string user = {};
  std::string password = {};
  std::uint32_t database = 0;

  bool operator==(const Server&) const = default;
  /// As it may be shown: "redis://host:6379/0".
  [[nodiscard]] std::string shown() const;
  /// Errors: invalid_argument, unsupported (TLS); neither quotes the text.
  static Result<Server> parse(std::string_view url);
};

struct Settings {
  std::string url = "redis://127.0.0.1:6379/";
  std::chrono::milliseconds connect_timeout{3'000};
  std::chrono::milliseconds response_timeout{1'000};
  std::uint32_t retries = 3;
  std::chrono::milliseconds longest_delay{300};
  bool shares_by_url = false;
  bool needs_own_url = false;

  /// The provider's. Errors: invalid_argument.
  static Result<Settings> parse(const ConfigMap& config);
};

/// The value of a key in whatever case; null: it is not there.
[[nodiscard]] const std::string* find_any_case(const ConfigMap& config, std::string_view key);

}  // namespace weft::builtins::keyvalue_redis
