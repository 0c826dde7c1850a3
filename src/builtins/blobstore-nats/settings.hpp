// SPDX-License-Identifier: Apache-2.0
/// What an operator may set for blobstore-nats, with the provider or, going before that, with a link:
///
///   cluster_uri                 nats://0.0.0.0:4222; several with commas
///   js_domain                   of JetStream; none
///   client_jwt, client_seed     both or neither
///   tls_ca, tls_ca_file         certificates to trust, as PEM text (which goes first) or as a file
///   max_write_wait              seconds that the server may take to store one message; 30
///
/// and of the buckets that it makes (those that are there stay as they are):
///
///   storage_type                file (or 0), memory (or 1); file
///   num_replicas                1 to 5; 1
///   compression                 true needs nats-server 2.10; false
///   max_age                     seconds that an object is kept; 0: for ever
///
/// Source: data-plane facts 5.6.
#pragma once

#include <chrono>
#include <weft/builtin.hpp>

#include "builtins/blobstore-nats/object_info.hpp"
#include "builtins/nats/access.hpp"

namespace weft::builtins::blobstore_nats {

struct Settings {
  nats::Access access;
  std::chrono::seconds write_wait{30};
  StreamSettings stream;

  /// Errors: invalid_argument.
  static Result<Settings> parse(const ConfigMap& provider, const ConfigMap& link);
};

}  // namespace weft::builtins::blobstore_nats
