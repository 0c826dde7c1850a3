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
#include <string_view>
#include <vector>

namespace weft::cli {

std::span<const OptionSpec> nats_options() noexcept;  ///< how to reach a lattice

/// Of the options and their environment variables; nothing: no NATS is meant.
Result<std::optional<NatsConfig>> nats_config(const Arguments& arguments, const Context& context);

/// The servers of a list with commas; "nats://" is added where no scheme stands.
std::vector<std::string> nats_urls(std::string_view text);
/// `config` with what the options say in place of what it has.
Result<NatsConfig> with_nats_options(NatsConfig config, const Arguments& arguments);
/// invalid_argument if one of them is given.
Result<void> no_nats_options(const Arguments& arguments);

/// --data-dir, else $WEFT_DATA_DIR, else /var/lib/weft for root, $XDG_DATA_HOME/weft or ~/.local/share/weft.
Result<std::string> data_dir(const Arguments& arguments, const Context& context);
/// Where the daemon of a data folder listens for local clients.
std::string control_socket(const std::string& data_dir);

}  // namespace weft::cli
