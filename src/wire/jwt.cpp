// SPDX-License-Identifier: Apache-2.0
#include "wire/jwt.hpp"

#include "wire/base64.hpp"
#include "wire/json.hpp"

namespace weft::wire {
namespace {

namespace json = boost::json;

std::string encode_segment(std::string_view bytes) { return to_base64(bytes, Base64::url_unpadded); }

Result<std::string> decode_segment(std::string_view text, std::string_view segment) {
  auto bytes = from_base64(text, Base64::url_unpadded);
  if (!bytes) return malformed_json("token", fmt::format("its {} is not base64url", segment));
  return *std::move(bytes);
}

}  // namespace

Result<TokenParts> split_token(std::string_view token) {
  if (token.size() > kMaxTokenBytes) return malformed_json("token", "it is too long");
  const auto first = token.find('.');
  const auto second = first == std::string_view::npos ? first : token.find('.', first + 1);
  if (second == std::string_view::npos || token.find('.', second + 1) != std::string_view::npos) {
    return malformed_json("token", "it does not have three segments");
  }
  TokenParts parts;
  WEFT_TRY(parts.header, decode_segment(token.substr(0, first), "header"));
  WEFT_TRY(parts.payload, decode_segment(token.substr(first + 1, second - first - 1), "payload"));
  WEFT_TRY(const auto signature, decode_segment(token.substr(second + 1), "signature"));
  parts.signature.assign(signature.begin(), signature.end());
  parts.signed_text = token.substr(0, second);
  return parts;
}

Result<void> verify_token(const TokenParts& parts, std::string_view issuer) {
  WEFT_TRY(const auto header, parse_json_object(parts.header, "token header"));
  std::string type, algorithm;
  MemberReader members(header);
  members.required("typ", type).required("alg", algorithm);
  if (!members.fault().empty()) return malformed_json("token header", members.fault());
  if (type != "jwt") return malformed_json("token header", "member `typ` must be \"jwt\"");
  if (algorithm != "Ed25519") return malformed_json("token header", "member `alg` must be \"Ed25519\"");
  WEFT_TRY(const auto key, parse_public_key(issuer));
  return verify(key, parts.signed_text, parts.signature);
}

Result<std::string> sign_token(std::string_view payload, const KeyPair& issuer) {
  auto token = encode_segment(R"({"typ":"jwt","alg":"Ed25519"})") + "." + encode_segment(payload);
  WEFT_TRY(const auto signature, issuer.sign(token));
  token += ".";
  token += encode_segment({reinterpret_cast<const char*>(signature.data()), signature.size()});
  return token;
}

Result<std::string> sign_host_token(const HostToken& token, const KeyPair& account) {
  const json::object wascap{{"name", token.friendly_name}, {"labels", json::object{{"self_signed", "true"}}}};
  return sign_token(json_text(json::object{{"jti", token.token_id},
                                           {"iat", token.issued_at},
                                           {"iss", account.public_text()},
                                           {"sub", token.host_id},
                                           {"wascap", wascap},
                                           {"wascap_revision", 3}}),
                    account);
}

}  // namespace weft::wire
