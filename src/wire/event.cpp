// SPDX-License-Identifier: Apache-2.0
#include "wire/event.hpp"

#include "wire/claims_json.hpp"
#include "wire/json.hpp"
#include "wire/link_json.hpp"

namespace weft::wire {
namespace {

namespace json = boost::json;

constexpr std::string_view kTypePrefix = "com.wasmcloud.lattice.";
/// wadm and the command line expect one in provider events; links of a provider have names of their own since 1.0.
constexpr std::string_view kLinkName = "default";

json::object component_object(const ComponentEvent& event) {
  json::object object;
  if (event.claims != nullptr) object["public_key"] = event.claims->subject;
  object["annotations"] = to_json(event.annotations);
  object["component_id"] = event.component_id;
  object["host_id"] = event.host_id;
  object["image_ref"] = event.image_ref;
  object["max_instances"] = event.max_instances;
  return object;
}

json::object provider_object(const ProviderEvent& event) {
  return {{"host_id", event.host_id}, {"provider_id", event.provider_id}};
}

/// What the events of a running provider repeat: old names of its id.
void put_old_names(json::object& object, const ProviderEvent& event) {
  object["instance_id"] = event.provider_id;
  object["public_key"] = event.provider_id;
  object["link_name"] = to_json(kLinkName);
}

}  // namespace

std::string encode(const Event& event) {
  const json::object object{{"specversion", "1.0"},
                            {"id", event.id},
                            {"type", std::string(kTypePrefix) + event.name},
                            {"source", event.source},
                            {"datacontenttype", "application/json"},
                            {"time", event.time}};
  return json_text_with(object, "data", event.data);
}

Result<Event> decode_event(std::string_view text) {
  constexpr std::string_view what = "lattice event";
  WEFT_TRY(const auto object, parse_json_object(text, what));
  Event event;
  std::string version, type;
  MemberReader members(object);
  members.required("specversion", version)
      .required("type", type)
      .required("source", event.source)
      .required("id", event.id)
      .defaulted("time", event.time);
  if (!members.fault().empty()) return malformed_json(what, members.fault());
  if (version != "1.0") return malformed_json(what, "member `specversion` must be \"1.0\"");
  if (!type.starts_with(kTypePrefix) || type.size() == kTypePrefix.size()) {
    return malformed_json(what, fmt::format("member `type` must begin with {} and a name", kTypePrefix));
  }
  event.name = type.substr(kTypePrefix.size());
  const auto* const data = object.if_contains("data");
  if (data == nullptr || !data->is_object()) return malformed_json(what, "member `data` must be an object");
  event.data = json_text(*data);
  return event;
}

std::string host_started_data(std::string_view friendly_name, const StringMap& labels, std::string_view version) {
  return json_text(json::object{{"friendly_name", to_json(friendly_name)},
                                {"labels", to_json(labels)},
                                {"uptime_seconds", 0},
                                {"version", to_json(version)}});
}

std::string host_stopped_data(const StringMap& labels) { return json_text(json::object{{"labels", to_json(labels)}}); }

std::string labels_changed_data(std::string_view host_id, const StringMap& labels) {
  return json_text(json::object{{"host_id", to_json(host_id)}, {"labels", to_json(labels)}});
}

std::string config_data(std::string_view name) { return json_text(json::object{{"config_name", to_json(name)}}); }

std::string linkdef_set_data(const Link& link) { return encode(link); }

std::string linkdef_set_failed_data(const Link& link, std::string_view error) {
  auto object = to_json(link);
  object["error"] = to_json(error);
  return json_text(object);
}

std::string linkdef_deleted_data(const DeleteLink& command, const Link* removed) {
  json::object object{{"source_id", command.source_id},
                      {"name", command.name},
                      {"wit_namespace", command.wit_namespace},
                      {"wit_package", command.wit_package}};
  if (removed != nullptr) {
    object["target"] = removed->target;
    object["interfaces"] = to_json(removed->interfaces);
  }
  return json_text(object);
}

std::string component_scaled_data(const ComponentEvent& event) {
  auto object = component_object(event);
  if (event.claims != nullptr) object["claims"] = to_event_json(*event.claims);
  return json_text(object);
}

std::string component_scale_failed_data(const ComponentEvent& event) {
  auto object = component_object(event);
  object["error"] = event.error;
  return json_text(object);
}

std::string provider_started_data(const ProviderEvent& event) {
  auto object = provider_object(event);
  object["image_ref"] = event.image_ref;
  object["annotations"] = to_json(event.annotations);
  if (event.claims != nullptr) object["claims"] = to_event_json(*event.claims);
  put_old_names(object, event);
  return json_text(object);
}

std::string provider_start_failed_data(const ProviderEvent& event) {
  auto object = provider_object(event);
  object["provider_ref"] = event.image_ref;
  object["error"] = event.error;
  object["link_name"] = to_json(kLinkName);
  return json_text(object);
}

std::string provider_stopped_data(const ProviderEvent& event) {
  auto object = provider_object(event);
  object["annotations"] = to_json(event.annotations);
  object["reason"] = event.reason;
  put_old_names(object, event);
  return json_text(object);
}

std::string health_check_data(std::string_view host_id, std::string_view provider_id) {
  return json_text(json::object{{"host_id", to_json(host_id)}, {"provider_id", to_json(provider_id)}});
}

}  // namespace weft::wire
