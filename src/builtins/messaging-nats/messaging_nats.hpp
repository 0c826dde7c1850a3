// SPDX-License-Identifier: Apache-2.0
/// The provider `messaging-nats`: serves wasmcloud:messaging/consumer@0.2.0 to components linked to it, and delivers
/// messages to wasmcloud:messaging/handler@0.2.0 of components that it is linked to. What an operator may set:
/// builtins/messaging-nats/settings.hpp.
///
/// Other than wasmCloud's: request() keeps to its timeout-ms; links with equal servers and credentials share a
/// connection, and all of `cluster_uris` are used; messages of consumers are acknowledged once they are handled; a
/// server that is away does not refuse a link; the component may run on another host.
/// Source: data-plane facts 3.4, 3.11, 5.4, 5.6.
#pragma once

#include <weft/builtin.hpp>

namespace weft::builtins::messaging_nats {

[[nodiscard]] BuiltinFactory factory();

}  // namespace weft::builtins::messaging_nats
