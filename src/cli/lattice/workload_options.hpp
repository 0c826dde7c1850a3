// SPDX-License-Identifier: Apache-2.0
/// Options of the commands that start and scale. Pure. Errors: invalid_argument.
#pragma once

#include "cli/command_line.hpp"
#include "wire/control.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace weft::cli {

std::span<const OptionSpec> component_start_options() noexcept;
std::span<const OptionSpec> component_scale_options() noexcept;
std::span<const OptionSpec> provider_start_options() noexcept;

/// A number, or "max" for as many as are asked for.
Result<std::uint32_t> instance_count(std::string_view text);
/// max-memory and max-time as the control interface has them; nothing if neither is given.
Result<std::optional<wire::StringMap>> component_limits(const Arguments& arguments);

}  // namespace weft::cli
