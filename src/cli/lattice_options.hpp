// SPDX-License-Identifier: Apache-2.0
/// Options that say which host or lattice is meant, shared by the daemon and by the commands that control it.
/// Pure but for the environment it is handed. Errors: invalid_argument, naming the option.
#pragma once

#include "cli/command_line.hpp"
#include "cli/context.hpp"

#include <weft/lattice.hpp>

#include <optional>
#include <span>
#include <string>

namespace weft::cli {

std::span<const OptionSpec> nats_options() noexcept;  ///< how to reach a lattice

/// Of the options and their environment variables; nothing: no NATS is meant.
Result<std::optional<NatsConfig>> nats_config(const Arguments& arguments, const Context& context);

/// --data-dir, else $WEFT_DATA_DIR, else /var/lib/weft for root, $XDG_DATA_HOME/weft or ~/.local/share/weft.
Result<std::string> data_dir(const Arguments& arguments, const Context& context);
/// Where the daemon of a data folder listens for local clients.
std::string control_socket(const std::string& data_dir);

}  // namespace weft::cli
