// SPDX-License-Identifier: Apache-2.0
/// Which lattice a command is about and how it is reached. The first of these that names an address is it: options,
/// --context, WEFT_* variables, WASMCLOUD_* variables that mean the same, the current context of the contexts file, the
/// local daemon's socket. A context's lattice goes with its address; --lattice and WEFT_LATTICE go with any.
/// Threads: plain values. Errors: invalid_argument, not_found (context), malformed (contexts file).
#pragma once

#include "cli/command_line.hpp"
#include "cli/context.hpp"

#include <weft/lattice.hpp>

#include <chrono>
#include <optional>
#include <span>
#include <string>

namespace weft::cli {

struct LatticeTarget {
  std::optional<NatsConfig> nats;
  std::string data_dir;  ///< of the local daemon, unless nats is set; may be empty beside `socket`
  std::string socket;    ///< its socket
  std::string lattice = "default";
  std::string control_prefix = "wasmbus.ctl";
  std::string host;    ///< what was said about the host that is meant; empty: nothing
  std::string daemon;  ///< id of the local daemon's host, if it is known
  bool alone = false;  ///< that daemon is a lattice of one
  std::chrono::milliseconds answer_timeout{5'000};
  std::chrono::milliseconds gather{500};

  /// For messages: the first server, or the folder or socket.
  [[nodiscard]] std::string name() const;
};

/// context, lattice, host, data-dir, socket, ...; nats_options() belong to them.
std::span<const OptionSpec> connection_options() noexcept;

Result<LatticeTarget> lattice_target(const Arguments& arguments, const Context& context);

}  // namespace weft::cli
