// SPDX-License-Identifier: Apache-2.0
/// What an operator may set for messaging-nats, with the provider or, going before that, with a link:
///
///   subscriptions               subject or subject|queue-group, several with commas; of links to a component's handler
///   consumers                   JetStream pull consumers that exist, as JSON, of the same links:
///                               [{"stream":"S","consumer":"C","max_messages":10,"max_bytes":65536}]
///   cluster_uris                0.0.0.0:4222; several with commas
///   client_jwt, client_seed     both or neither
///   tls_ca, tls_ca_file         certificates to trust, as PEM text (which goes first) or as a file
///   custom_inbox_prefix         _INBOX
///   js_domain                   of JetStream, for `consumers`; none
///
/// Source: data-plane facts 5.4 and 5.6; `js_domain` is ours, after keyvalue-nats.
#pragma once

#include <cstddef>
#include <string>
#include <vector>
#include <weft/call_info.hpp>

#include "builtins/nats/access.hpp"

namespace weft::builtins::messaging_nats {

struct SubjectSetting {
  std::string subject;
  std::string queue_group;  ///< empty: none
};

struct ConsumerSetting {
  std::string stream;
  std::string consumer;
  std::size_t max_messages = 100;  ///< under way at a time
  std::size_t max_bytes = 0;       ///< of one pull; 0: no limit
};

struct Settings {
  nats::Access access;
  std::vector<SubjectSetting> subscriptions;
  std::vector<ConsumerSetting> consumers;

  /// Errors: invalid_argument.
  static Result<Settings> parse(const ConfigMap& provider, const ConfigMap& link);
};

}  // namespace weft::builtins::messaging_nats
