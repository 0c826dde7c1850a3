// SPDX-License-Identifier: Apache-2.0
// What a host answers. What a client sends is in control.cpp.
#include "wire/control.hpp"
#include "wire/json.hpp"
#include "wire/link_json.hpp"

namespace weft::wire {

namespace json = boost::json;

// Static and not in the unnamed namespace, where the templates of json.hpp would not find them.
static json::object to_json(const ComponentDescription& component) {
  json::object object{{"id", component.id}, {"image_ref", component.image_ref}};
  put_optional(object, "name", component.name);
  object["annotations"] = to_json(component.annotations);
  object["revision"] = component.revision;
  object["max_instances"] = component.max_instances;
  // The one member that says "nothing" by null: clients expect it to be there.
  object["limits"] = nullptr;
  if (component.limits) object["limits"] = to_json(*component.limits);
  return object;
}

static json::object to_json(const ProviderDescription& provider) {
  json::object object{{"id", provider.id}, {"image_ref", provider.image_ref}};
  put_optional(object, "name", provider.name);
  object["revision"] = provider.revision;
  object["annotations"] = to_json(provider.annotations);
  return object;
}

/// Annotations may be null: a client's own type has them optional.
static std::string read_json(const json::value& value, ComponentDescription& out) {
  if (!value.is_object()) return "must be an object";
  std::optional<StringMap> annotations;
  MemberReader members(value.get_object());
  members.required("id", out.id)
      .required("image_ref", out.image_ref)
      .defaulted("name", out.name)
      .defaulted("annotations", annotations)
      .defaulted("revision", out.revision)
      .defaulted("max_instances", out.max_instances)
      .defaulted("limits", out.limits);
  out.annotations = std::move(annotations).value_or(StringMap{});
  return members.fault();
}

static std::string read_json(const json::value& value, ProviderDescription& out) {
  if (!value.is_object()) return "must be an object";
  std::optional<StringMap> annotations;
  MemberReader members(value.get_object());
  members.required("id", out.id)
      .defaulted("image_ref", out.image_ref)
      .defaulted("name", out.name)
      .defaulted("annotations", annotations)
      .defaulted("revision", out.revision);
  out.annotations = std::move(annotations).value_or(StringMap{});
  return members.fault();
}

std::string encode(const Reply& reply) {
  const json::object object{{"success", reply.success}, {"message", reply.message}};
  if (reply.response.empty()) return json_text(object);
  return json_text_with(object, "response", reply.response);
}

Result<Reply> decode_reply(std::string_view text) {
  WEFT_TRY(const auto object, parse_json_object(text, "reply"));
  Reply reply;
  MemberReader members(object);
  members.required("success", reply.success).required("message", reply.message);
  const auto* const response = object.if_contains("response");
  if (response != nullptr && !response->is_null()) reply.response = json_text(*response);
  return std::move(members).finish("reply", std::move(reply));
}

std::string encode(const HostPing& ping) {
  json::object object{
      {"id", ping.id},           {"friendly_name", ping.friendly_name}, {"labels", to_json(ping.labels)},
      {"lattice", ping.lattice}, {"uptime_human", ping.uptime_human},   {"uptime_seconds", ping.uptime_seconds},
      {"version", ping.version}, {"ctl_host", ping.ctl_host},           {"rpc_host", ping.rpc_host}};
  put_optional(object, "js_domain", ping.js_domain);
  return json_text(object);
}

Result<HostPing> decode_host_ping(std::string_view text) {
  WEFT_TRY(const auto object, parse_json_object(text, "host"));
  HostPing ping;
  std::optional<std::string> uptime_human, version, ctl_host, rpc_host;
  MemberReader members(object);
  members.required("id", ping.id)
      .defaulted("friendly_name", ping.friendly_name)
      .defaulted("labels", ping.labels)
      .defaulted("lattice", ping.lattice)
      .defaulted("uptime_seconds", ping.uptime_seconds)
      .defaulted("uptime_human", uptime_human)
      .defaulted("version", version)
      .defaulted("ctl_host", ctl_host)
      .defaulted("rpc_host", rpc_host)
      .defaulted("js_domain", ping.js_domain);
  ping.uptime_human = std::move(uptime_human).value_or("");
  ping.version = std::move(version).value_or("");
  ping.ctl_host = std::move(ctl_host).value_or("");
  ping.rpc_host = std::move(rpc_host).value_or("");
  return std::move(members).finish("host", std::move(ping));
}

std::string encode(const HostInventory& inventory) {
  return json_text(json::object{{"components", to_json_array(inventory.components)},
                                {"providers", to_json_array(inventory.providers)},
                                {"host_id", inventory.host_id},
                                {"friendly_name", inventory.friendly_name},
                                {"labels", to_json(inventory.labels)},
                                {"version", inventory.version},
                                {"uptime_human", inventory.uptime_human},
                                {"uptime_seconds", inventory.uptime_seconds}});
}

Result<HostInventory> decode_host_inventory(std::string_view text) {
  WEFT_TRY(const auto object, parse_json_object(text, "host inventory"));
  HostInventory inventory;
  MemberReader members(object);
  // "actors": what hosts before 1.0 called them.
  members.required(members.has("components") || !members.has("actors") ? "components" : "actors", inventory.components)
      .required("providers", inventory.providers)
      .defaulted("host_id", inventory.host_id)
      .defaulted("friendly_name", inventory.friendly_name)
      .defaulted("labels", inventory.labels)
      .defaulted("version", inventory.version)
      .defaulted("uptime_human", inventory.uptime_human)
      .defaulted("uptime_seconds", inventory.uptime_seconds);
  return std::move(members).finish("host inventory", std::move(inventory));
}

std::string encode(const std::vector<Link>& links) { return json_text(to_json_array(links)); }

Result<std::vector<Link>> decode_links(std::string_view text) { return decode_value<std::vector<Link>>(text, "links"); }

std::string encode(const std::vector<StringMap>& claims) { return json_text(to_json_array(claims)); }

Result<std::vector<StringMap>> decode_claims_list(std::string_view text) {
  return decode_value<std::vector<StringMap>>(text, "claims");
}

}  // namespace weft::wire
