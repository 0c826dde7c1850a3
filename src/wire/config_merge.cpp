// SPDX-License-Identifier: Apache-2.0
#include "wire/config_merge.hpp"

namespace weft::wire {

bool is_secret_name(std::string_view name) noexcept { return name.starts_with("SECRET"); }

ConfigNames split_config_names(std::span<const std::string> names) {
  ConfigNames split;
  for (const auto& name : names) (is_secret_name(name) ? split.secrets : split.configs).push_back(name);
  return split;
}

std::map<std::string, std::string> merge_config(std::span<const std::map<std::string, std::string>> maps) {
  std::map<std::string, std::string> merged;
  for (const auto& map : maps) {
    for (const auto& [key, value] : map) merged.insert_or_assign(key, value);
  }
  return merged;
}

}  // namespace weft::wire
