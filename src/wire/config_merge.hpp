// SPDX-License-Identifier: Apache-2.0
/// How a list of configuration names becomes the one map a component or provider sees.
/// Threads: pure functions. Source: control-plane facts 9.1.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weft::wire {

/// Whether a name stands for a secret reference and not for a configuration.
bool is_secret_name(std::string_view name) noexcept;

struct ConfigNames {
  std::vector<std::string> configs;
  std::vector<std::string> secrets;
};
/// Each part in the order of `names`.
ConfigNames split_config_names(std::span<const std::string> names);

/// Of equal keys the right-most wins.
std::map<std::string, std::string> merge_config(std::span<const std::map<std::string, std::string>> maps);

}  // namespace weft::wire
