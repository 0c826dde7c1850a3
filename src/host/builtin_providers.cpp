// SPDX-License-Identifier: Apache-2.0
#include "host/builtin_providers.hpp"

#include "builtins/blobstore-fs/blobstore_fs.hpp"
#include "builtins/blobstore-nats/blobstore_nats.hpp"
#include "builtins/builtin_provider.hpp"
#include "builtins/http-client/http_client.hpp"
#include "builtins/http-server/http_server.hpp"
#include "builtins/keyvalue-nats/keyvalue_nats.hpp"
#include "builtins/keyvalue-redis/keyvalue_redis.hpp"
#include "builtins/keyvalue/keyvalue.hpp"
#include "builtins/messaging-nats/messaging_nats.hpp"

namespace weft::host {

builtins::ProviderRegistry builtin_providers() {
  return {{"blobstore-fs", builtins::provider_factory(builtins::blobstore_fs::factory())},
          {"blobstore-nats", builtins::provider_factory(builtins::blobstore_nats::factory())},
          {"http-client", builtins::make_http_client},
          {"http-server", builtins::make_http_server},
          {"keyvalue", builtins::provider_factory(builtins::keyvalue::factory())},
          {"keyvalue-nats", builtins::provider_factory(builtins::keyvalue_nats::factory())},
          {"keyvalue-redis", builtins::provider_factory(builtins::keyvalue_redis::factory())},
          {"messaging-nats", builtins::provider_factory(builtins::messaging_nats::factory())}};
}

}  // namespace weft::host
