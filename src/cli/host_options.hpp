// SPDX-License-Identifier: Apache-2.0
/// The options of `weft host`, by whether weft does what they ask for. Source: control-plane facts 1.6.
#pragma once

#include "cli/command_line.hpp"

#include <span>

namespace weft::cli {

std::span<const OptionSpec> wasmcloud_host_options() noexcept;
/// How NATS is reached.
std::span<const OptionSpec> wasmcloud_nats_options() noexcept;
/// Accepted, with a warning if they differ from their default.
std::span<const OptionSpec> wasmcloud_other_options() noexcept;

}  // namespace weft::cli
