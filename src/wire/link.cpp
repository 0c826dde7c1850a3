// SPDX-License-Identifier: Apache-2.0
#include "wire/link.hpp"

#include <algorithm>

#include "wire/json.hpp"
#include "wire/link_json.hpp"

namespace weft::wire {
namespace {

namespace json = boost::json;

bool has_same_import(const Link& a, const Link& b) noexcept {
  return a.source_id == b.source_id && a.wit_namespace == b.wit_namespace && a.wit_package == b.wit_package &&
         a.name == b.name;
}

bool shares_interface(const Link& a, const Link& b) noexcept {
  return std::ranges::any_of(a.interfaces, [&b](const std::string& name) {
    return std::ranges::find(b.interfaces, name) != b.interfaces.end();
  });
}

}  // namespace

json::object to_json(const Link& link) {
  return {{"source_id", link.source_id},
          {"target", link.target},
          {"name", link.name},
          {"wit_namespace", link.wit_namespace},
          {"wit_package", link.wit_package},
          {"interfaces", to_json(link.interfaces)},
          {"source_config", to_json(link.source_config)},
          {"target_config", to_json(link.target_config)}};
}

std::string read_json(const json::value& value, Link& out) {
  if (!value.is_object()) return "must be an object";
  MemberReader members(value.get_object());
  return members.required("source_id", out.source_id)
      .required("target", out.target)
      .defaulted("name", out.name)
      .required("wit_namespace", out.wit_namespace)
      .required("wit_package", out.wit_package)
      .required("interfaces", out.interfaces)
      .defaulted("source_config", out.source_config)
      .defaulted("target_config", out.target_config)
      .fault();
}

std::string encode(const Link& link) { return json_text(to_json(link)); }

Result<Link> decode_link(std::string_view text) {
  WEFT_TRY(const auto value, parse_json(text, "link"));
  Link link;
  if (const auto fault = read_json(value, link); !fault.empty()) return malformed_json("link", fault);
  return link;
}

std::string encode(const ComponentSpec& spec) {
  return json_text(json::object{{"url", spec.url}, {"links", to_json_array(spec.links)}});
}

Result<ComponentSpec> decode_component_spec(std::string_view text) {
  WEFT_TRY(const auto object, parse_json_object(text, "component specification"));
  ComponentSpec spec;
  MemberReader members(object);
  members.required("url", spec.url).defaulted("links", spec.links);
  return std::move(members).finish("component specification", std::move(spec));
}

const Link* find_conflict(const std::vector<Link>& links, const Link& added) noexcept {
  const auto found = std::ranges::find_if(links, [&added](const Link& link) {
    return has_same_import(link, added) && link.target != added.target && shares_interface(link, added);
  });
  return found == links.end() ? nullptr : &*found;
}

void put_link(std::vector<Link>& links, Link added) {
  const auto found = std::ranges::find_if(
      links, [&added](const Link& link) { return has_same_import(link, added) && link.target == added.target; });
  if (found == links.end()) {
    links.push_back(std::move(added));
  } else {
    *found = std::move(added);
  }
}

}  // namespace weft::wire
