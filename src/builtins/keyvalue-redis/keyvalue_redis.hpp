// SPDX-License-Identifier: Apache-2.0
/// The provider `keyvalue-redis`: serves wrpc:keyvalue/{store,atomics,batch} from Redis servers, and tells components
/// that are linked as watchers of changes. What an operator may set: builtins/keyvalue-redis/settings.hpp.
///
/// As in wasmCloud's provider of that name, the bucket that a guest opens is ignored: the link says which server and
/// database. list-keys goes through them as SCAN does: a page may be of any size, and a key that is there all the while
/// comes at least once. Other than there: a server that is away does not refuse a link; what sets or ends a key in
/// another way than SET and DEL is told too; TLS is not supported.
/// Source: data-plane facts 3.5, 3.11, 5.6.
#pragma once

#include <weft/builtin.hpp>

namespace weft::builtins::keyvalue_redis {

[[nodiscard]] BuiltinFactory factory();

}  // namespace weft::builtins::keyvalue_redis
