// SPDX-License-Identifier: Apache-2.0
// What a client sends. What a host answers is in control_reply.cpp.
#include "wire/control.hpp"

#include "wire/json.hpp"
#include "wire/link_json.hpp"

namespace weft::wire {
namespace {

namespace json = boost::json;

/// The members that carry an auction's reference and id.
struct AuctionNames {
  std::string_view what;
  std::string_view ref;
  std::string_view id;
};

AuctionNames names_of(AuctionKind kind) noexcept {
  if (kind == AuctionKind::component) return {"component auction", "component_ref", "component_id"};
  return {"provider auction", "provider_ref", "provider_id"};
}

}  // namespace

std::string encode(const ScaleComponent& command) {
  json::object object{
      {"component_ref", command.component_ref}, {"component_id", command.component_id}, {"count", command.count}};
  put_optional(object, "annotations", command.annotations);
  put_optional(object, "component_limits", command.component_limits);
  object["host_id"] = command.host_id;
  object["config"] = to_json(command.config);
  object["allow_update"] = command.allow_update;
  return json_text(object);
}

Result<ScaleComponent> decode_scale_component(std::string_view text) {
  constexpr std::string_view what = "component scale command";
  WEFT_TRY(const auto object, parse_json_object(text, what));
  ScaleComponent command;
  MemberReader members(object);
  members.required("component_id", command.component_id)
      .defaulted("component_ref", command.component_ref)
      .defaulted("count", command.count)
      .defaulted("annotations", command.annotations)
      .defaulted("component_limits", command.component_limits)
      .defaulted("host_id", command.host_id)
      .defaulted("config", command.config)
      .defaulted("allow_update", command.allow_update);
  return std::move(members).finish(what, std::move(command));
}

std::string encode(const UpdateComponent& command) {
  json::object object{{"component_id", command.component_id},
                      {"new_component_ref", command.new_component_ref},
                      {"host_id", command.host_id}};
  put_optional(object, "annotations", command.annotations);
  return json_text(object);
}

Result<UpdateComponent> decode_update_component(std::string_view text) {
  constexpr std::string_view what = "component update command";
  WEFT_TRY(const auto object, parse_json_object(text, what));
  UpdateComponent command;
  MemberReader members(object);
  members.defaulted("component_id", command.component_id)
      .defaulted("new_component_ref", command.new_component_ref)
      .defaulted("host_id", command.host_id)
      .defaulted("annotations", command.annotations);
  return std::move(members).finish(what, std::move(command));
}

std::string encode(const StartProvider& command) {
  json::object object{{"provider_id", command.provider_id},
                      {"provider_ref", command.provider_ref},
                      {"host_id", command.host_id},
                      {"config", to_json(command.config)}};
  put_optional(object, "annotations", command.annotations);
  return json_text(object);
}

Result<StartProvider> decode_start_provider(std::string_view text) {
  constexpr std::string_view what = "provider start command";
  WEFT_TRY(const auto object, parse_json_object(text, what));
  StartProvider command;
  MemberReader members(object);
  members.required("provider_id", command.provider_id)
      .defaulted("provider_ref", command.provider_ref)
      .defaulted("host_id", command.host_id)
      .defaulted("config", command.config)
      .defaulted("annotations", command.annotations);
  return std::move(members).finish(what, std::move(command));
}

std::string encode(const StopProvider& command) {
  return json_text(json::object{{"host_id", command.host_id}, {"provider_id", command.provider_id}});
}

Result<StopProvider> decode_stop_provider(std::string_view text) {
  constexpr std::string_view what = "provider stop command";
  WEFT_TRY(const auto object, parse_json_object(text, what));
  StopProvider command;
  MemberReader members(object);
  members.defaulted(members.has("provider_id") ? "provider_id" : "provider_ref", command.provider_id)
      .defaulted("host_id", command.host_id);
  return std::move(members).finish(what, std::move(command));
}

std::string encode(const StopHost& command) {
  json::object object{{"host_id", command.host_id}};
  if (command.timeout_ms) object["timeout"] = *command.timeout_ms;
  return json_text(object);
}

Result<StopHost> decode_stop_host(std::string_view text) {
  constexpr std::string_view what = "host stop command";
  if (text.empty()) return StopHost{};
  WEFT_TRY(const auto object, parse_json_object(text, what));
  StopHost command;
  MemberReader members(object);
  members.defaulted("host_id", command.host_id).defaulted("timeout", command.timeout_ms);
  return std::move(members).finish(what, std::move(command));
}

std::string encode(const Auction& auction, AuctionKind kind) {
  const auto names = names_of(kind);
  return json_text(json::object{{to_json(names.ref), auction.ref},
                                {to_json(names.id), auction.id},
                                {"constraints", to_json(auction.constraints)}});
}

Result<Auction> decode_auction(std::string_view text, AuctionKind kind) {
  const auto names = names_of(kind);
  WEFT_TRY(const auto object, parse_json_object(text, names.what));
  Auction auction;
  MemberReader members(object);
  members.defaulted(names.ref, auction.ref).required(names.id, auction.id).required("constraints", auction.constraints);
  return std::move(members).finish(names.what, std::move(auction));
}

std::string encode(const AuctionAck& ack, AuctionKind kind) {
  const auto names = names_of(kind);
  return json_text(json::object{{to_json(names.ref), ack.ref},
                                {to_json(names.id), ack.id},
                                {"host_id", ack.host_id},
                                {"constraints", to_json(ack.constraints)}});
}

Result<AuctionAck> decode_auction_ack(std::string_view text, AuctionKind kind) {
  const auto names = names_of(kind);
  WEFT_TRY(const auto object, parse_json_object(text, names.what));
  AuctionAck ack;
  MemberReader members(object);
  members.required("host_id", ack.host_id)
      .defaulted(names.ref, ack.ref)
      .defaulted(names.id, ack.id)
      .defaulted("constraints", ack.constraints);
  return std::move(members).finish(names.what, std::move(ack));
}

std::string encode(const DeleteLink& command) {
  return json_text(json::object{{"source_id", command.source_id},
                                {"name", command.name},
                                {"wit_namespace", command.wit_namespace},
                                {"wit_package", command.wit_package}});
}

Result<DeleteLink> decode_delete_link(std::string_view text) {
  constexpr std::string_view what = "link deletion";
  WEFT_TRY(const auto object, parse_json_object(text, what));
  DeleteLink command;
  MemberReader members(object);
  members.required("source_id", command.source_id)
      .defaulted("name", command.name)
      .required("wit_namespace", command.wit_namespace)
      .required("wit_package", command.wit_package);
  return std::move(members).finish(what, std::move(command));
}

std::string encode(const Label& label) { return json_text(json::object{{"key", label.key}, {"value", label.value}}); }

Result<Label> decode_label_put(std::string_view text) {
  WEFT_TRY(const auto object, parse_json_object(text, "label"));
  Label label;
  MemberReader members(object);
  members.required("key", label.key).required("value", label.value);
  return std::move(members).finish("label", std::move(label));
}

Result<Label> decode_label_del(std::string_view text) {
  WEFT_TRY(const auto object, parse_json_object(text, "label"));
  Label label;
  MemberReader members(object);
  members.required("key", label.key);
  return std::move(members).finish("label", std::move(label));
}

std::string encode(const RegistryCredentials& credentials) {
  json::object object;
  for (const auto& [registry, credential] : credentials) {
    json::object entry;
    put_optional(entry, "username", credential.username);
    put_optional(entry, "password", credential.password);
    put_optional(entry, "token", credential.token);
    entry["registryType"] = credential.registry_type;
    object[registry] = std::move(entry);
  }
  return json_text(object);
}

/// Of each registry.
static Result<RegistryCredentials> read_credentials(const json::object& object) {
  constexpr std::string_view what = "registry credentials";
  RegistryCredentials credentials;
  for (const auto& [key, value] : object) {
    const std::string registry(key.data(), key.size());
    if (!value.is_object()) return malformed_json(what, fmt::format("member `{}` must be an object", registry));
    MemberReader members(value.get_object());
    auto& entry = credentials[registry];
    members.defaulted("username", entry.username)
        .defaulted("password", entry.password)
        .defaulted("token", entry.token)
        .defaulted("registryType", entry.registry_type);
    if (!members.fault().empty()) return malformed_json(what, fmt::format("`{}`: {}", registry, members.fault()));
  }
  return credentials;
}

Result<RegistryCredentials> decode_registry_credentials(std::string_view text) {
  WEFT_TRY(const auto object, parse_json_object(text, "registry credentials"));
  return read_credentials(object);
}

std::string encode_config_question(const StringMap& labels) {
  return json_text(json::object{{"labels", to_json(labels)}});
}

Result<RegistryCredentials> decode_config_answer(std::string_view text) {
  constexpr std::string_view what = "config service's answer";
  WEFT_TRY(const auto object, parse_json_object(text, what));
  const auto* const credentials = object.if_contains("registryCredentials");
  if (credentials == nullptr || credentials->is_null()) return RegistryCredentials();
  if (!credentials->is_object()) return malformed_json(what, "member `registryCredentials` must be an object");
  return read_credentials(credentials->get_object());
}

std::string encode(const StringMap& map) { return json_text(to_json(map)); }

Result<StringMap> decode_string_map(std::string_view text) { return decode_value<StringMap>(text, "configuration"); }

}  // namespace weft::wire
