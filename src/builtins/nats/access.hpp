// SPDX-License-Identifier: Apache-2.0
/// How the providers on NATS reach their servers, as their configurations say it: what links with equal values share a
/// connection for. Threads: a plain value. Holds secrets: none of it but urls without credentials is ever shown.
/// Source: data-plane facts 5.6 (keyvalue-nats, messaging-nats).
#pragma once

#include <compare>
#include <string>
#include <string_view>
#include <vector>
#include <weft/call_info.hpp>
#include <weft/log.hpp>
#include <weft/result.hpp>

#include "bus/nats_options.hpp"

namespace weft::builtins::nats {

struct Access {
  std::vector<std::string> urls;
  std::string client_jwt;
  std::string client_seed;
  std::string tls_ca;  ///< PEM text; goes before the file
  std::string tls_ca_file;
  std::string jetstream_domain;
  std::string inbox_prefix = "_INBOX";

  auto operator<=>(const Access&) const = default;
  /// The first server, as it may be shown.
  [[nodiscard]] std::string shown() const;
  [[nodiscard]] bus::NatsOptions options(std::string_view name, std::string_view provider, const LogSink& log) const;
};

/// What the provider's own configuration says, and over it what the link's does.
[[nodiscard]] ConfigMap merge(const ConfigMap& provider, const ConfigMap& link);
/// The value of a key; `fallback` if it is missing or empty.
[[nodiscard]] std::string_view value_or(const ConfigMap& config, std::string_view key, std::string_view fallback);
/// The parts of a comma-separated list that are not blank, without the blanks around them.
[[nodiscard]] std::vector<std::string> split_list(std::string_view text);

/// `url_key` holds the servers: a comma-separated list, each with a scheme or without. The keys js_domain and
/// custom_inbox_prefix are read where they are given, whichever provider it is.
/// Errors: invalid_argument, which names the key and never its value where that is a secret.
Result<Access> parse_access(const ConfigMap& config, std::string_view url_key, std::string_view default_url);

}  // namespace weft::builtins::nats
