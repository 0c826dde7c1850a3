// SPDX-License-Identifier: Apache-2.0
/// Options that name the services of a lattice which a host asks: policy, secrets, logins for registries. Of `weft
/// host` and `weft up`, with the names and variables of wasmCloud 1.9. Pure but for the environment that is handed in.
/// Errors: invalid_argument, naming the option. Source: control-plane facts 1.6.
#pragma once

#include "cli/command_line.hpp"
#include "cli/context.hpp"

#include <weft/lattice.hpp>

#include <span>

namespace weft::cli {

std::span<const OptionSpec> service_options() noexcept;
/// Fills the parts of `config` that these options are for.
Result<void> read_services(const Arguments& arguments, const Context& context, LatticeConfig& config);

}  // namespace weft::cli
