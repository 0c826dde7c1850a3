// SPDX-License-Identifier: Apache-2.0
#include "wire/secrets.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <utility>
#include <vector>

#include "wire/json.hpp"

namespace weft::wire {
namespace {

namespace json = boost::json;

json::value optional_json(const std::optional<std::string>& text) {
  return text ? json::value(*text) : json::value(nullptr);
}

/// Takes `name` out of the entry; a fault is kept.
bool take(const StringMap& config, const char* name, std::string& out, std::string& fault) {
  const auto found = config.find(name);
  if (found == config.end()) {
    if (fault.empty()) fault = fmt::format("has no `{}`", name);
    return false;
  }
  out = found->second;
  return true;
}

std::optional<std::string> find(const StringMap& config, const char* name) {
  const auto found = config.find(name);
  return found == config.end() ? std::nullopt : std::optional(found->second);
}

/// "SecretNotFound" or {"UpstreamError":"text"}.
Error backend_error(const json::value& error) {
  std::string kind, text;
  if (error.is_string()) {
    kind = error.get_string();
  } else if (error.is_object() && error.get_object().size() == 1) {
    const auto& member = *error.get_object().begin();
    kind = member.key();
    if (member.value().is_string()) text = member.value().get_string();
  } else {
    return malformed_json("secret response", "member `error` is none of the backends' errors");
  }
  const auto code = kind == "SecretNotFound" ? Errc::not_found
                    : kind == "Unauthorized" ? Errc::permission_denied
                                             : Errc::refused;
  return Error(code, text.empty() ? kind : fmt::format("{}: {}", kind, text), {}, Blame::peer);
}

struct Secret {
  std::optional<std::string> text;
  std::optional<std::vector<std::uint8_t>> bytes;
};

}  // namespace

Result<SecretReference> read_secret_reference(std::string_view entry, const StringMap& config) {
  SecretReference reference;
  std::string fault, type;
  take(config, "name", reference.name, fault);
  take(config, "type", type, fault);
  take(config, "backend", reference.backend, fault);
  take(config, "key", reference.key, fault);
  take(config, "policy", reference.policy, fault);
  if (!fault.empty()) {
    return Error(Errc::malformed, fmt::format("{} is no secret reference: it {}", entry, fault),
                 fmt::format("put it again, with name, type, backend, key and policy: weft config put {}", entry),
                 Blame::operator_);
  }
  reference.field = find(config, "field");
  reference.version = find(config, "version");
  return reference;
}

std::string secret_request(const SecretReference& reference, const SecretContext& context) {
  return json_text(
      json::object{{"key", reference.key},
                   {"field", optional_json(reference.field)},
                   {"version", optional_json(reference.version)},
                   {"context",
                    {{"entity_jwt", context.entity_jwt},
                     {"host_jwt", context.host_jwt},
                     {"application", {{"name", optional_json(context.application)}, {"policy", reference.policy}}}}}});
}

Result<SecretValue> decode_secret_response(std::string_view text) {
  constexpr std::string_view what = "secret response";
  WEFT_TRY(const auto response, parse_json_object(text, what));
  if (const auto* const error = response.if_contains("error"); error != nullptr && !error->is_null()) {
    return backend_error(*error);
  }
  const auto* const found = response.if_contains("secret");
  if (found == nullptr || !found->is_object()) return malformed_json(what, "it holds neither a secret nor an error");
  Secret secret;
  MemberReader members(found->get_object());
  members.defaulted("string_secret", secret.text).defaulted("binary_secret", secret.bytes);
  if (!members.fault().empty()) return malformed_json(what, members.fault());
  if (secret.text) return SecretValue{.kind = SecretValue::Kind::text, .value = *std::move(secret.text)};
  if (!secret.bytes) return malformed_json(what, "the secret has no value");
  return SecretValue{.kind = SecretValue::Kind::bytes, .value = {secret.bytes->begin(), secret.bytes->end()}};
}

std::string secrets_subject(std::string_view topic, std::string_view backend, SecretsSubject subject) {
  return fmt::format("{}.v1alpha1.{}.{}", topic, backend, subject == SecretsSubject::get ? "get" : "server_xkey");
}

}  // namespace weft::wire
