// SPDX-License-Identifier: Apache-2.0
/// NatsOptions as natsOptions, and the callbacks of a connection. For nats_connection.cpp.
#pragma once

#include <memory>

#include "bus/callback_gate.hpp"
#include "bus/nats_connection.hpp"
#include "bus/nats_handles.hpp"

namespace weft::bus {

/// What nats.c's connection callbacks get, theirs until the connection has told that it is closed.
struct ConnectionCallbacks {
  ConnectionCallbacks(std::shared_ptr<NatsConnection> owner, CallbackGate::Pass entry)
      : pass(std::move(entry)), connection(std::move(owner)) {}

  static void on_connected(natsConnection* handle, void* closure) noexcept;
  static void on_disconnected(natsConnection* handle, void* closure) noexcept;
  static void on_closed(natsConnection* handle, void* closure) noexcept;
  static void on_error(natsConnection* handle, natsSubscription* subscription, natsStatus status,
                       void* closure) noexcept;
  static std::int64_t choose_delay(natsConnection* handle, int attempts, void* closure) noexcept;
  static natsStatus give_jwt(char** jwt, char** fault, void* closure) noexcept;
  static natsStatus sign(char** fault, unsigned char** signature, int* length, const char* nonce,
                         void* closure) noexcept;

  static void tell_state(natsConnection* handle, ConnectionCallbacks& callbacks, BusState state) noexcept;

  CallbackGate::Pass pass;  // first, so that it is given back last
  std::shared_ptr<NatsConnection> connection;
};

/// Errors: invalid_argument (options that contradict each other, no URL), io (a file that cannot be read).
Result<OptionsHandle> make_nats_options(const NatsOptions& options, ConnectionCallbacks& callbacks);

}  // namespace weft::bus
