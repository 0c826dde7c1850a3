// SPDX-License-Identifier: Apache-2.0
#include "guest/export_name.hpp"

#include <fmt/ranges.h>

#include <algorithm>

#include "guest/import_table.hpp"

namespace weft::guest {

Result<std::string> resolve_export(const std::string& function, std::span<const std::string> exports) {
  const auto hash = function.rfind('#');
  const auto interface = function.substr(0, hash);
  if (hash == std::string::npos || interface.contains('@') || std::ranges::find(exports, interface) != exports.end()) {
    return function;
  }
  std::vector<std::string> candidates;
  for (const auto& name : exports) {
    if (name.starts_with(interface + "@")) {
      candidates.push_back(name + function.substr(hash));
    }
  }
  if (candidates.empty()) {
    return function;
  }
  if (candidates.size() > 1) {
    return Error(Errc::invalid_argument, fmt::format("the component exports {} in several versions", interface),
                 fmt::format("name one of them: {}", fmt::join(candidates, ", ")), Blame::operator_);
  }
  return candidates.front();
}

std::vector<std::string> export_names(std::string_view wire_interface, std::string_view function) {
  const auto exported = export_of(wire_interface);
  const auto name_of = [&](std::string_view prefix) {
    return exported.empty() ? fmt::format("{}{}", prefix, function)
                            : fmt::format("{}#{}{}", exported, prefix, function);
  };
  std::vector<std::string> names{name_of("")};
  if (!function.starts_with('[')) {
    for (const std::string_view prefix : {"[method]", "[static]", "[constructor]"}) {
      names.push_back(name_of(prefix));
    }
  }
  return names;
}

}  // namespace weft::guest
