// SPDX-License-Identifier: Apache-2.0
/// A link, and the stored specification of a component or provider that holds them.
/// Source: control-plane facts 3.13, 4.2. Threads: plain values.
#pragma once

#include <string>
#include <string_view>
#include <vector>
#include <weft/result.hpp>

namespace weft::wire {

/// Connects an import of `source_id` to an export of `target`.
struct Link {
  std::string source_id;
  std::string target;
  std::string name = "default";
  std::string wit_namespace;
  std::string wit_package;
  std::vector<std::string> interfaces;
  std::vector<std::string> source_config;
  std::vector<std::string> target_config;

  bool operator==(const Link&) const = default;
};

/// Value of the key COMPONENT_{id}: for components and providers alike.
struct ComponentSpec {
  std::string url;
  std::vector<Link> links;

  bool operator==(const ComponentSpec&) const = default;
};

std::string encode(const Link& link);
Result<Link> decode_link(std::string_view json);
std::string encode(const ComponentSpec& spec);
Result<ComponentSpec> decode_component_spec(std::string_view json);

/// An existing link that a new one may not stand beside: equal source, namespace, package and name, a shared interface,
/// another target. Null: none.
const Link* find_conflict(const std::vector<Link>& links, const Link& added) noexcept;
/// Puts a link into a specification: replaces the one with equal source, target, name, namespace and package, else
/// appends. False: it was there already, just so.
bool put_link(std::vector<Link>& links, Link added);

/// Whether one of its configurations is a secret reference: such a link is never told in the clear.
bool names_secrets(const Link& link) noexcept;

/// What makes one list of links of the other: those that are no longer there, whatever their interfaces and
/// configurations are, and those that are new or changed. Borrows from both lists. Cost: a comparison of each link, and
/// a sort of them if any has changed or gone.
struct LinkChanges {
  std::vector<const Link*> gone;
  std::vector<const Link*> put;
};
LinkChanges compare_links(const std::vector<Link>& before, const std::vector<Link>& now);

}  // namespace weft::wire
