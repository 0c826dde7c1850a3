// SPDX-License-Identifier: Apache-2.0
// Claims in tokens. Their other forms are in claims_forms.cpp.
#include "wire/claims.hpp"
#include "wire/claims_tokens.hpp"

#include <limits>

#include "wire/json.hpp"
#include "wire/jwt.hpp"
#include "wire/uptime.hpp"
#include "wire/wasm_token.hpp"

namespace weft::wire {
namespace {

namespace json = boost::json;
using std::chrono::seconds;
using TimePoint = std::chrono::system_clock::time_point;
using StringMap = std::map<std::string, std::string>;

constexpr std::string_view kExtractFailed = "failed to extract module claims";
constexpr std::string_view kValidateFailed = "failed to validate module token";
/// Since this revision of the format tokens carry a hash that means something.
constexpr std::uint32_t kFirstHashedRevision = 3;

/// `error` with the words of 1.9 before its own.
Error within(std::string_view operation, const Error& error) {
  return Error{error.code(), fmt::format("{}: {}", operation, error.message()), error.hint(), Blame::peer};
}

Error refused(std::string message) {
  return Error{Errc::permission_denied, std::move(message), "sign the artefact again", Blame::peer};
}

struct Token {
  TokenParts parts;
  json::object wascap;
  std::string subject;
  std::string issuer;
  std::uint32_t wascap_revision = 0;
  std::optional<std::uint64_t> not_before;
  std::optional<std::uint64_t> expires;
  std::optional<std::uint64_t> issued_at;
};

Result<Token> decode_token(std::string_view text) {
  constexpr std::string_view what = "token payload";
  Token token;
  WEFT_TRY(token.parts, split_token(text));
  WEFT_TRY(const auto payload, parse_json_object(token.parts.payload, what));
  std::optional<std::uint32_t> revision;
  MemberReader members(payload);
  members.required("iss", token.issuer)
      .required("sub", token.subject)
      .defaulted("nbf", token.not_before)
      .defaulted("exp", token.expires)
      .defaulted("iat", token.issued_at)
      .defaulted("wascap_revision", revision);
  token.wascap_revision = revision.value_or(0);
  const auto* const wascap = payload.if_contains("wascap");
  if (!members.fault().empty()) return malformed_json(what, members.fault());
  if (wascap == nullptr || !wascap->is_object()) return malformed_json(what, "member `wascap` must be an object");
  if (token.issuer.empty() || token.subject.empty()) return malformed_json(what, "its issuer or subject is empty");
  token.wascap = wascap->get_object();
  return token;
}

/// "2days ago", "in 3h": the largest unit that is not more than a day.
std::string relative_text(std::uint64_t stamp, std::uint64_t now) {
  const bool past = now > stamp;
  auto distance = past ? now - stamp : stamp - now;
  for (const std::uint64_t unit : {86'400U, 3'600U, 60U}) {
    if (distance < unit) continue;
    distance -= distance % unit;
    break;
  }
  return past ? uptime_text(distance) + " ago" : "in " + uptime_text(distance);
}

Result<void> check_dates(const Token& token, TimePoint now) {
  const auto whole = static_cast<std::uint64_t>(std::chrono::floor<seconds>(now).time_since_epoch().count());
  const auto begun = static_cast<std::uint64_t>(std::chrono::ceil<seconds>(now).time_since_epoch().count());
  if (token.expires && *token.expires < begun) {
    return refused(fmt::format("token expired at `{}`", relative_text(*token.expires, whole)));
  }
  if (token.not_before && *token.not_before > whole) {
    return refused(fmt::format("token cannot be used before `{}`", relative_text(*token.not_before, whole)));
  }
  return {};
}

/// Dates first: a host of 1.9 names them before the signature.
Result<void> validate(const Token& token, TimePoint now) {
  WEFT_CHECK(check_dates(token, now));
  auto verified = verify_token(token.parts, token.issuer);
  if (verified || verified.error().code() == Errc::permission_denied) return verified;
  return within(kValidateFailed, verified.error());
}

std::optional<std::int64_t> to_seconds(std::optional<std::uint64_t> stamp) {
  if (!stamp) return std::nullopt;
  return static_cast<std::int64_t>(
      std::min(*stamp, static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())));
}

/// What both kinds of claims have in common.
template <class T>
void take_common(T& claims, const Token& token, std::string_view text) {
  claims.jwt = text;
  claims.subject = token.subject;
  claims.issuer = token.issuer;
  claims.not_before = to_seconds(token.not_before);
  claims.expires = to_seconds(token.expires);
  claims.issued_at = to_seconds(token.issued_at).value_or(0);
}

/// Members that are null or absent leave their default.
template <class T>
void read_common(MemberReader& members, T& claims) {
  std::optional<std::string> name, version;
  std::optional<std::int32_t> revision;
  members.defaulted("name", name).defaulted("ver", version).defaulted("rev", revision);
  claims.name = std::move(name).value_or("");
  claims.version = std::move(version).value_or("");
  claims.revision = revision.value_or(0);
}

Result<ComponentClaims> decode_component_claims(std::string_view text, Token& token) {
  WEFT_TRY(token, decode_token(text));
  ComponentClaims claims;
  std::optional<std::vector<std::string>> tags;
  std::optional<std::string> hash;
  MemberReader members(token.wascap);
  members.defaulted("hash", hash).defaulted("tags", tags).defaulted("call_alias", claims.call_alias);
  read_common(members, claims);
  if (!members.fault().empty()) return malformed_json("token claims", members.fault());
  claims.tags = std::move(tags).value_or(std::vector<std::string>{});
  claims.hash = std::move(hash).value_or("");
  take_common(claims, token, text);
  return claims;
}

Result<void> check_hash(const ComponentClaims& claims, std::string_view wasm, const Token& token) {
  if (token.wascap_revision < kFirstHashedRevision) return {};
  WEFT_TRY(const auto stripped, strip_wasm_tokens(wasm));
  if (claims.hash != sha256_text(stripped)) return refused("Invalid module hash");
  return {};
}

Result<ProviderClaims> decode_provider_claims(std::string_view text, Token& token) {
  WEFT_TRY(token, decode_token(text));
  ProviderClaims claims;
  std::optional<std::string> vendor;
  std::optional<StringMap> hashes;
  MemberReader members(token.wascap);
  members.defaulted("vendor", vendor).defaulted("target_hashes", hashes);
  read_common(members, claims);
  if (!members.fault().empty()) return malformed_json("token claims", members.fault());
  claims.vendor = std::move(vendor).value_or("");
  claims.target_hashes = std::move(hashes).value_or(StringMap{});
  const auto* const schema = token.wascap.if_contains("config_schema");
  if (schema != nullptr && !schema->is_null()) claims.config_schema = json_text(*schema);
  take_common(claims, token, text);
  return claims;
}

json::object component_json(const ComponentClaims& claims, std::string_view hash) {
  json::object wascap{{"hash", to_json(hash)}, {"tags", to_json(claims.tags)}, {"prov", false}};
  if (claims.call_alias) wascap["call_alias"] = *claims.call_alias;
  return wascap;
}

/// Whoever signs whatever: `wascap` is what it says.
template <class T>
json::object signed_by(const T& claims, const TokenStamp& stamp, const KeyPair& issuer, json::object wascap) {
  json::object payload{
      {"jti", stamp.token_id}, {"iat", stamp.issued_at}, {"iss", issuer.public_text()}, {"sub", claims.subject}};
  if (claims.expires) payload["exp"] = *claims.expires;
  if (claims.not_before) payload["nbf"] = *claims.not_before;
  payload["wascap"] = std::move(wascap);
  payload["wascap_revision"] = kFirstHashedRevision;
  return payload;
}

template <class T>
json::object payload_of(const T& claims, const TokenStamp& stamp, const KeyPair& issuer, json::object wascap) {
  wascap["name"] = claims.name;
  wascap["rev"] = claims.revision;
  wascap["ver"] = claims.version;
  return signed_by(claims, stamp, issuer, std::move(wascap));
}

}  // namespace

Result<std::optional<ComponentClaims>> extract_component_claims(std::string_view wasm, TimePoint now) {
  auto found = find_wasm_token(wasm);
  if (!found) return within(kExtractFailed, found.error());
  if (!*found) return std::optional<ComponentClaims>();
  Token token;
  auto claims = decode_component_claims(**found, token);
  if (!claims) return within(kExtractFailed, claims.error());
  if (const auto checked = check_hash(*claims, wasm, token); !checked) return within(kExtractFailed, checked.error());
  WEFT_CHECK(validate(token, now));
  return std::optional(*std::move(claims));
}

Result<std::optional<ComponentClaims>> peek_component_claims(std::string_view wasm) {
  WEFT_TRY(const auto found, find_wasm_token(wasm));
  if (!found) return std::optional<ComponentClaims>();
  Token token;
  WEFT_TRY(auto claims, decode_component_claims(*found, token));
  return std::optional(std::move(claims));
}

Result<ProviderClaims> read_provider_claims(std::string_view text, TimePoint now) {
  Token token;
  WEFT_TRY(auto claims, decode_provider_claims(text, token));
  WEFT_CHECK(validate(token, now));
  return claims;
}

Result<ProviderClaims> peek_provider_claims(std::string_view text) {
  Token token;
  return decode_provider_claims(text, token);
}

Result<std::string> sign_component(std::string_view wasm, const ComponentClaims& claims, const TokenStamp& stamp,
                                   const KeyPair& issuer) {
  WEFT_TRY(const auto stripped, strip_wasm_tokens(wasm));
  auto wascap = component_json(claims, sha256_text(stripped));
  WEFT_TRY(const auto token, sign_token(json_text(payload_of(claims, stamp, issuer, std::move(wascap))), issuer));
  return append_wasm_token(stripped, token);
}

Result<std::string> sign_component_claims(const ComponentClaims& claims, const TokenStamp& stamp,
                                          const KeyPair& issuer) {
  return sign_token(json_text(payload_of(claims, stamp, issuer, component_json(claims, ""))), issuer);
}

Result<std::string> sign_signer_claims(const SignerClaims& claims, const TokenStamp& stamp, const KeyPair& issuer) {
  json::object wascap{{"name", claims.name}, {"valid_signers", to_json(claims.valid_signers)}};
  return sign_token(json_text(signed_by(claims, stamp, issuer, std::move(wascap))), issuer);
}

Result<std::string> sign_provider_claims(const ProviderClaims& claims, const TokenStamp& stamp, const KeyPair& issuer) {
  json::object wascap{{"vendor", claims.vendor}, {"target_hashes", to_json(claims.target_hashes)}};
  if (claims.config_schema) {
    WEFT_TRY(wascap["config_schema"], parse_json(*claims.config_schema, "configuration schema"));
  }
  return sign_token(json_text(payload_of(claims, stamp, issuer, std::move(wascap))), issuer);
}

}  // namespace weft::wire
