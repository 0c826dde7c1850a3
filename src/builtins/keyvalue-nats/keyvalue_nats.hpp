// SPDX-License-Identifier: Apache-2.0
/// The provider `keyvalue-nats`: serves wrpc:keyvalue/{store,atomics,batch} from JetStream key-value buckets, and tells
/// components that are linked as watchers of changes. What an operator may set: builtins/keyvalue-nats/settings.hpp.
///
/// As in wasmCloud's provider of that name, the bucket that a guest opens is the NAME OF A LINK, whose configuration
/// says which bucket of JetStream it is; delete purges; the cursor of list-keys is how many keys to skip. Other than
/// there: links with equal servers and credentials share a connection, a page has at most kPageKeys keys, a server that
/// is away does not refuse a link, and components can watch.
/// Source: data-plane facts 3.5, 3.11, 5.6.
#pragma once

#include <weft/builtin.hpp>

namespace weft::builtins::keyvalue_nats {

[[nodiscard]] BuiltinFactory factory();

}  // namespace weft::builtins::keyvalue_nats
