// SPDX-License-Identifier: Apache-2.0
/// The service of a lattice that gives hosts logins for registries when they start. Source: control-plane facts 2.6.
#pragma once

#include <string>

#include "async/task.hpp"
#include "bus/bus.hpp"
#include "wire/control.hpp"

namespace weft::lattice {

/// What the service has for a host with these labels. `bus` outlives the task. Errors: unavailable, deadline_exceeded,
/// malformed. Threads: the control shard.
async::Task<wire::RegistryCredentials> ask_config_service(bus::Bus* bus, std::string lattice, wire::StringMap labels);

}  // namespace weft::lattice
