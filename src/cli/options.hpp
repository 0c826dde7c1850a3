// SPDX-License-Identifier: Apache-2.0
/// Options that several commands share, and their meaning as the host library's configuration. Pure: touches no file.
/// Errors: invalid_argument, naming the option.
#pragma once

#include "cli/command_line.hpp"
#include "cli/context.hpp"

#include <weft/host.hpp>

#include <chrono>
#include <optional>
#include <span>
#include <string>

namespace weft::cli {

std::span<const OptionSpec> host_options() noexcept;       ///< shards, cache
std::span<const OptionSpec> component_options() noexcept;  ///< grants and limits
std::span<const OptionSpec> serve_options() noexcept;      ///< HTTP

enum class Shards : bool { one_per_core, single };

/// `shards` is what holds without --shards: a call needs one thread only.
Result<HostConfig> host_config(const Arguments& arguments, const Context& context, Shards shards);
Result<ComponentConfig> component_config(const Arguments& arguments, const Context& context);
Result<ServeConfig> serve_config(const Arguments& arguments);
/// How long a drain may take.
Result<std::chrono::milliseconds> drain_grace(const Arguments& arguments);
/// Unset: whatever suits the kind of component.
std::optional<Stdio> stdio_choice(const Arguments& arguments);

}  // namespace weft::cli
