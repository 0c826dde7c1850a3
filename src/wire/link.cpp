// SPDX-License-Identifier: Apache-2.0
#include "wire/link.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "wire/config_merge.hpp"
#include "wire/json.hpp"
#include "wire/link_json.hpp"

namespace weft::wire {
namespace {

namespace json = boost::json;

bool has_same_import(const Link& a, const Link& b) noexcept {
  return a.source_id == b.source_id && a.wit_namespace == b.wit_namespace && a.wit_package == b.wit_package &&
         a.name == b.name;
}

/// What makes it the same link, whatever its interfaces and configurations are.
using Identity = std::tuple<std::string_view, std::string_view, std::string_view, std::string_view, std::string_view>;
Identity identity(const Link& link) noexcept {
  return {link.source_id, link.target, link.name, link.wit_namespace, link.wit_package};
}

bool shares_interface(const Link& a, const Link& b) noexcept {
  return std::ranges::any_of(a.interfaces, [&b](const std::string& name) {
    return std::ranges::find(b.interfaces, name) != b.interfaces.end();
  });
}

}  // namespace

json::object to_json(const Link& link) { return link_members(link); }

std::string read_json(const json::value& value, Link& out) {
  if (!value.is_object()) return "must be an object";
  MemberReader members(value.get_object());
  return read_link_members(members, out).fault();
}

std::string encode(const Link& link) { return json_text(to_json(link)); }

Result<Link> decode_link(std::string_view text) { return decode_value<Link>(text, "link"); }

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

bool put_link(std::vector<Link>& links, Link added) {
  const auto found = std::ranges::find_if(
      links, [&added](const Link& link) { return has_same_import(link, added) && link.target == added.target; });
  if (found == links.end()) {
    links.push_back(std::move(added));
  } else if (*found == added) {
    return false;
  } else {
    *found = std::move(added);
  }
  return true;
}

bool names_secrets(const Link& link) noexcept {
  const auto is_secret = [](const std::string& name) { return is_secret_name(name); };
  return std::ranges::any_of(link.source_config, is_secret) || std::ranges::any_of(link.target_config, is_secret);
}

LinkChanges compare_links(const std::vector<Link>& before, const std::vector<Link>& now) {
  // Nearly always one link has come, gone or changed: what is alike at both ends need not be looked up.
  const auto [first_before, first_now] = std::ranges::mismatch(before, now);
  auto last_before = before.end();
  auto last_now = now.end();
  while (last_before != first_before && last_now != first_now && *(last_before - 1) == *(last_now - 1)) {
    --last_before;
    --last_now;
  }
  LinkChanges changes;
  if (first_before != last_before) {
    std::set<Identity> present;
    for (const auto& link : now) present.insert(identity(link));
    for (auto link = first_before; link != last_before; ++link) {
      if (!present.contains(identity(*link))) changes.gone.push_back(&*link);
    }
  }
  std::multimap<Identity, const Link*> known;
  for (auto link = first_before; link != last_before; ++link) known.emplace(identity(*link), &*link);
  for (auto link = first_now; link != last_now; ++link) {
    const auto [first, last] = known.equal_range(identity(*link));
    if (std::none_of(first, last, [link](const auto& other) { return *other.second == *link; })) {
      changes.put.push_back(&*link);
    }
  }
  return changes;
}

}  // namespace weft::wire
