// SPDX-License-Identifier: Apache-2.0
#include "wire/policy.hpp"

#include <fmt/format.h>

#include <utility>

#include "wire/json.hpp"

namespace weft::wire {
namespace {

namespace json = boost::json;

std::string_view to_text(PolicyKind kind) {
  switch (kind) {
    case PolicyKind::start_component:
      return "startComponent";
    case PolicyKind::start_provider:
      return "startProvider";
    case PolicyKind::perform_invocation:
      return "performInvocation";
  }
  return {};
}

template <class T>
PolicyClaims claims_of(const T& claims, std::chrono::system_clock::time_point now) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count();
  return {.public_key = claims.subject,
          .issuer = claims.issuer,
          .issued_at = claims.issued_at,
          .expires = claims.expires,
          .expired = claims.expires && *claims.expires < seconds};
}

json::value claims_json(const std::optional<PolicyClaims>& claims) {
  if (!claims) return nullptr;
  return {{"publicKey", claims->public_key},
          {"issuer", claims->issuer},
          {"issuedAt", std::to_string(claims->issued_at)},
          {"expiresAt", claims->expires ? json::value(*claims->expires) : json::value(nullptr)},
          {"expired", claims->expired}};
}

json::object workload_json(const PolicyQuestion& question) {
  json::object object;
  object.emplace(question.kind == PolicyKind::start_provider ? "providerId" : "componentId", question.id);
  object.emplace("imageRef", question.image_ref);
  if (question.kind != PolicyKind::start_provider) {
    object.emplace("maxInstances", question.instances);
  }
  object.emplace("annotations", to_json(question.annotations));
  object.emplace("claims", claims_json(question.claims));
  return object;
}

json::object body_json(const PolicyQuestion& question) {
  if (question.kind != PolicyKind::perform_invocation) return workload_json(question);
  return {{"interface", question.interface}, {"function", question.function}, {"target", workload_json(question)}};
}

}  // namespace

PolicyClaims policy_claims(const ComponentClaims& claims, std::chrono::system_clock::time_point now) {
  return claims_of(claims, now);
}

PolicyClaims policy_claims(const ProviderClaims& claims, std::chrono::system_clock::time_point now) {
  return claims_of(claims, now);
}

std::string policy_key(const PolicyQuestion& question) {
  auto key = fmt::format("{} {}_{}", to_text(question.kind), question.id, question.image_ref);
  if (question.kind == PolicyKind::perform_invocation) {
    key += fmt::format("_{}_{}", question.interface, question.function);
  }
  return key;
}

std::string encode(const PolicyQuestion& question, std::string_view request_id, const PolicyHost& host) {
  return json_text(json::object{
      {"requestId", to_json(request_id)},
      {"kind", to_json(to_text(question.kind))},
      {"version", "v1"},
      {"request", body_json(question)},
      {"host", {{"publicKey", host.public_key}, {"lattice", host.lattice}, {"labels", to_json(host.labels)}}}});
}

std::string encode(const PolicyDecision& decision) {
  json::object object{{"requestId", decision.request_id}, {"permitted", decision.permitted}};
  put_optional(object, "message", decision.message);
  return json_text(object);
}

Result<PolicyDecision> decode_policy_decision(std::string_view text) {
  constexpr std::string_view what = "policy decision";
  WEFT_TRY(const auto object, parse_json_object(text, what));
  PolicyDecision decision;
  MemberReader members(object);
  members.required("requestId", decision.request_id)
      .required("permitted", decision.permitted)
      .defaulted("message", decision.message);
  return std::move(members).finish(what, std::move(decision));
}

}  // namespace weft::wire
