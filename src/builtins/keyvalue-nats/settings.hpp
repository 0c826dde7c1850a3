// SPDX-License-Identifier: Apache-2.0
/// What an operator may set for keyvalue-nats, with the provider or, going before that, with a link:
///
///   bucket                      the JetStream key-value bucket; required
///   cluster_uri                 nats://0.0.0.0:4222; several with commas
///   js_domain                   of JetStream; none
///   client_jwt, client_seed     both or neither
///   tls_ca, tls_ca_file         certificates to trust, as PEM text (which goes first) or as a file
///   enable_bucket_auto_create   true makes a bucket that is not there; false
///   watch                       of a link to a component's watcher: SET@key,DEL@key; every change when it is missing
///
/// Source: data-plane facts 5.6; `watch` is ours, after keyvalue-redis.
#pragma once

#include <string>
#include <weft/builtin.hpp>

#include "builtins/keyvalue/watch_feed.hpp"
#include "builtins/nats/access.hpp"

namespace weft::builtins::keyvalue_nats {

struct Settings {
  nats::Access access;
  std::string bucket;
  bool creates_bucket = false;
  keyvalue::WatchList watch;

  /// Errors: invalid_argument.
  static Result<Settings> parse(const ConfigMap& provider, const ConfigMap& link);
};

}  // namespace weft::builtins::keyvalue_nats
