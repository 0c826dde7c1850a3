// SPDX-License-Identifier: Apache-2.0
/// Links inside larger documents: events, lists, stored specifications, what a provider is told. The rest of weft uses
/// link.hpp.
#pragma once

#include <boost/json.hpp>
#include <string>

#include "wire/json.hpp"
#include "wire/link.hpp"

namespace weft::wire {

/// All eight members, as in the store.
boost::json::object to_json(const Link& link);
/// See json.hpp.
std::string read_json(const boost::json::value& value, Link& out);

/// The eight members by which a link goes, whether its configurations are named (Link) or held (LinkDefinition).
template <class L>
boost::json::object link_members(const L& link) {
  return {{"source_id", link.source_id},
          {"target", link.target},
          {"name", link.name},
          {"wit_namespace", link.wit_namespace},
          {"wit_package", link.wit_package},
          {"interfaces", to_json(link.interfaces)},
          {"source_config", to_json(link.source_config)},
          {"target_config", to_json(link.target_config)}};
}

template <class L>
MemberReader& read_link_members(MemberReader& members, L& link) {
  return members.required("source_id", link.source_id)
      .required("target", link.target)
      .defaulted("name", link.name)
      .required("wit_namespace", link.wit_namespace)
      .required("wit_package", link.wit_package)
      .required("interfaces", link.interfaces)
      .defaulted("source_config", link.source_config)
      .defaulted("target_config", link.target_config);
}

}  // namespace weft::wire
