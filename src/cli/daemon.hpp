// SPDX-License-Identifier: Apache-2.0
/// A host that stays: what `weft up` and `weft host` do once they know their settings. Errors: those of Host and
/// join().
#pragma once

#include "cli/context.hpp"

#include <weft/host.hpp>
#include <weft/lattice.hpp>

#include <chrono>
#include <string>

namespace weft::cli {

struct Daemon {
  HostConfig host;
  LatticeConfig lattice;
  std::chrono::milliseconds drain{10'000};  ///< for calls in flight when it stops
  std::string log_file;  ///< set: it goes into the background once it is ready, and this gets its output
};

/// Until a signal or a command stops it; the first signal drains, the second ends the process. Writes the daemon file
/// into the data folder, if there is one.
Result<int> run_daemon(Daemon daemon, Context& context);

}  // namespace weft::cli
