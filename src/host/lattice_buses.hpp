// SPDX-License-Identifier: Apache-2.0
/// A host's connections to the NATS servers of its lattice: one for commands and state, one for calls, so that neither
/// waits for the other's bytes; calls may have servers of their own. Errors: a server that is there and refuses is one
/// in any case; one that is not there only where the host may not wait for it. Threads: any; blocks until it is known.
#pragma once

#include <weft/lattice.hpp>
#include <weft/log.hpp>
#include <weft/result.hpp>

#include <cstdint>
#include <memory>

#include "bus/bus.hpp"

namespace weft::host {

enum class ServerWait : std::uint8_t {
  none,         ///< the server must be there
  if_away,      ///< serve what is kept here until it is
  starts_later  ///< it is the host's own and not there yet: not even tried
};

struct LatticeBuses {
  std::unique_ptr<bus::Bus> commands;  ///< with what serves inside the process while the server is away
  std::unique_ptr<bus::Bus> calls;
};

/// `config.nats` is set; `log` lives as long as the buses.
Result<LatticeBuses> connect_lattice(const LatticeConfig& config, ServerWait wait, const LogSink& log);

}  // namespace weft::host
