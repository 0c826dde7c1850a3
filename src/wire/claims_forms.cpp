// SPDX-License-Identifier: Apache-2.0
// Claims in the store, in the answer to claims.get, and in events.
#include <charconv>
#include <type_traits>

#include "wire/claims.hpp"
#include "wire/claims_json.hpp"
#include "wire/json.hpp"

namespace weft::wire {
namespace {

namespace json = boost::json;
using StringMap = std::map<std::string, std::string>;

constexpr std::string_view kWhat = "stored claims";

std::string join(const std::vector<std::string>& list) { return fmt::format("{}", fmt::join(list, ",")); }

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> list;
  while (!text.empty()) {
    const auto comma = text.find(',');
    list.emplace_back(text.substr(0, comma));
    text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
  }
  return list;
}

/// "" and an absent value are 0.
std::string read_revision(const std::string& text, std::int32_t& out) {
  if (text.empty()) return {};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error == std::errc{} && end == text.data() + text.size()) return {};
  return "member `revision` must be a decimal number";
}

/// Reads `name`, or its `alias` when only that is there; null is "".
void read_text(MemberReader& members, std::string_view name, std::string_view alias, std::string& out) {
  std::optional<std::string> text;
  members.defaulted(members.has(name) ? name : alias, text);
  out = std::move(text).value_or("");
}

template <class T>
std::string read_common(MemberReader& members, T& claims) {
  std::string revision;
  read_text(members, "issuer", "iss", claims.issuer);
  read_text(members, "name", "name", claims.name);
  read_text(members, "revision", "rev", revision);
  read_text(members, "subject", "sub", claims.subject);
  read_text(members, "version", "version", claims.version);
  if (!members.fault().empty()) return members.fault();
  if (claims.subject.empty()) return "member `subject` is missing";
  return read_revision(revision, claims.revision);
}

Result<Claims> decode_component(const json::object& object) {
  ComponentClaims claims;
  MemberReader members(object);
  std::string alias;
  read_text(members, "call_alias", "call_alias", alias);
  if (!alias.empty()) claims.call_alias = std::move(alias);
  if (const auto& tags = object.at("tags"); tags.is_string()) {
    claims.tags = split({tags.get_string().data(), tags.get_string().size()});
  } else if (!tags.is_null()) {
    members.required("tags", claims.tags);
  }
  if (const auto fault = read_common(members, claims); !fault.empty()) return malformed_json(kWhat, fault);
  return Claims(std::move(claims));
}

Result<Claims> decode_provider(const json::object& object) {
  ProviderClaims claims;
  MemberReader members(object);
  std::string schema;
  read_text(members, "config_schema", "config_schema", schema);
  if (!schema.empty()) claims.config_schema = std::move(schema);
  if (const auto fault = read_common(members, claims); !fault.empty()) return malformed_json(kWhat, fault);
  return Claims(std::move(claims));
}

std::string stamp_text(std::optional<std::int64_t> stamp) { return stamp ? fmt::format("{}", *stamp) : "never"; }

json::object stored(const ComponentClaims& claims) {
  return {{"call_alias", claims.call_alias.value_or("")},
          {"issuer", claims.issuer},
          {"name", claims.name},
          {"revision", fmt::format("{}", claims.revision)},
          {"subject", claims.subject},
          {"tags", to_json(claims.tags)},
          {"version", claims.version}};
}

json::object stored(const ProviderClaims& claims) {
  json::object object{{"issuer", claims.issuer},
                      {"name", claims.name},
                      {"revision", fmt::format("{}", claims.revision)},
                      {"subject", claims.subject},
                      {"version", claims.version}};
  if (claims.config_schema) object["config_schema"] = *claims.config_schema;
  return object;
}

void list_own(const ComponentClaims& claims, StringMap& entry) {
  entry["call_alias"] = claims.call_alias.value_or("");
  entry["tags"] = join(claims.tags);
}

void list_own(const ProviderClaims& claims, StringMap& entry) {
  entry["config_schema"] = claims.config_schema.value_or("");
}

}  // namespace

std::string encode_stored_claims(const Claims& claims) {
  return json_text(std::visit([](const auto& each) { return stored(each); }, claims));
}

Result<Claims> decode_stored_claims(std::string_view text) {
  WEFT_TRY(const auto object, parse_json_object(text, kWhat));
  return object.contains("call_alias") && object.contains("tags") ? decode_component(object) : decode_provider(object);
}

const std::string& claims_subject(const Claims& claims) noexcept {
  return std::visit([](const auto& each) -> const std::string& { return each.subject; }, claims);
}

StringMap claims_list_entry(const Claims& claims) {
  return std::visit(
      [](const auto& each) {
        const auto revision = fmt::format("{}", each.revision);
        StringMap entry{{"iss", each.issuer},      {"issuer", each.issuer},  {"name", each.name},
                        {"rev", revision},         {"revision", revision},   {"sub", each.subject},
                        {"subject", each.subject}, {"version", each.version}};
        list_own(each, entry);
        return entry;
      },
      claims);
}

json::object to_event_json(const ComponentClaims& claims) {
  json::object object{{"call_alias", nullptr},
                      {"issuer", claims.issuer},
                      {"tags", to_json(claims.tags)},
                      {"name", claims.name},
                      {"version", claims.version},
                      {"revision", claims.revision},
                      {"not_before_human", stamp_text(claims.not_before)},
                      {"expires_human", stamp_text(claims.expires)}};
  if (claims.call_alias) object["call_alias"] = *claims.call_alias;
  return object;
}

json::object to_event_json(const ProviderClaims& claims) {
  return {{"issuer", claims.issuer},
          {"tags", nullptr},
          {"name", claims.name},
          {"version", claims.version},
          {"not_before_human", stamp_text(claims.not_before)},
          {"expires_human", stamp_text(claims.expires)}};
}

}  // namespace weft::wire
