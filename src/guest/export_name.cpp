// SPDX-License-Identifier: Apache-2.0
#include "guest/export_name.hpp"

#include <fmt/ranges.h>

#include <algorithm>

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

std::string export_name(std::string_view interface, std::string_view function) {
  return interface.empty() ? std::string(function) : fmt::format("{}#{}", interface, function);
}

}  // namespace weft::guest
