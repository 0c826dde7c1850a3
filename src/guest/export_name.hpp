// SPDX-License-Identifier: Apache-2.0
/// Names of exported functions as people write them.
#pragma once

#include <weft/result.hpp>

#include <span>
#include <string>
#include <string_view>

namespace weft::guest {

/// "ns:pkg/iface#func" means the one version of that interface which is exported, as "ns:pkg/iface@1.2.0#func" does.
/// A name that matches nothing comes back as it is, for the engine to refuse. Errors: invalid_argument, if several
/// versions are exported.
Result<std::string> resolve_export(const std::string& function, std::span<const std::string> exports);

/// "ns:pkg/iface#func", or "func" of a component's own exports.
std::string export_name(std::string_view interface, std::string_view function);

}  // namespace weft::guest
