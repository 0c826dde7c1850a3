// SPDX-License-Identifier: Apache-2.0
/// What authors of guests need: C bindings from WIT, and a component from a core module. Does the work of `weft wit`.
/// Errors: malformed, with the tool's own words; invalid_argument for what it calls misuse; internal for its defects.
#pragma once

#include <weft/result.hpp>

#include <string>
#include <string_view>

namespace weft::cli {

class GuestTools {
 public:
  virtual ~GuestTools() = default;
  /// Writes <world>.h, <world>.c and <world>_component_type.o; an empty world: the only one.
  virtual Result<void> bindgen(const std::string& wit, const std::string& world, const std::string& out_dir) = 0;
  /// `adapter` is auto, none, reactor, command or proxy; an empty `wit`: the world is in the module.
  virtual Result<std::string> componentize(std::string_view module, std::string_view adapter, const std::string& wit,
                                           const std::string& world) = 0;
};

}  // namespace weft::cli
