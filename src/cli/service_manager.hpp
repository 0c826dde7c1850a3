// SPDX-License-Identifier: Apache-2.0
/// Tells systemd (Type=notify) how the daemon is. Does nothing where nobody asked. Source: sd_notify(3).
#pragma once

#include "cli/context.hpp"

#include <string_view>

namespace weft::cli {

/// "READY=1", "STOPPING=1".
void tell_service_manager(const Context& context, std::string_view state);

}  // namespace weft::cli
