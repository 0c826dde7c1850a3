// SPDX-License-Identifier: Apache-2.0
#include "lattice/resolved_link.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "wire/config_merge.hpp"
#include "wire/json.hpp"

namespace weft::lattice {

std::string encode_resolved(const wire::Link& link, const wire::StringMap& source_config,
                            const wire::StringMap& target_config) {
  return wire::json_text(boost::json::object{{"source_id", link.source_id},
                                             {"target", link.target},
                                             {"name", link.name},
                                             {"wit_namespace", link.wit_namespace},
                                             {"wit_package", link.wit_package},
                                             {"interfaces", wire::to_json(link.interfaces)},
                                             {"source_config", wire::to_json(source_config)},
                                             {"target_config", wire::to_json(target_config)},
                                             {"source_secrets", nullptr},
                                             {"target_secrets", nullptr}});
}

std::string linkdefs_subject(std::string_view lattice, std::string_view id, std::string_view verb) {
  return fmt::format("wasmbus.rpc.{}.{}.linkdefs.{}", lattice, id, verb);
}

bool names_secrets(const wire::Link& link) noexcept {
  const auto is_secret = [](const std::string& name) { return wire::is_secret_name(name); };
  return std::ranges::any_of(link.source_config, is_secret) || std::ranges::any_of(link.target_config, is_secret);
}

}  // namespace weft::lattice
