// SPDX-License-Identifier: Apache-2.0
/// How a registry wants to be convinced, and with what: the challenge in its WWW-Authenticate header, credentials, and
/// the token that an authorisation server gives for them.
///
/// Threads: plain values and pure functions. Errors: malformed, unsupported; no message holds a credential.
/// Source: docker registry documentation, "Token Authentication Specification" and "Token Authentication
/// Implementation" (docs/spec/auth/token.md, oauth.md of distribution 2.8); RFC 7617, RFC 9110 section 11.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>
#include <weft/result.hpp>

#include "wire/control.hpp"

namespace weft::registry {

struct Anonymous {
  bool operator==(const Anonymous&) const = default;
};
struct BasicCredentials {
  std::string user;
  std::string password;
  bool operator==(const BasicCredentials&) const = default;
};
/// Sent as it is.
struct BearerToken {
  std::string token;
  bool operator==(const BearerToken&) const = default;
};
/// What `docker login` keeps for some registries: exchanged for a bearer token.
struct IdentityToken {
  std::string token;
  bool operator==(const IdentityToken&) const = default;
};
using Credentials = std::variant<Anonymous, BasicCredentials, BearerToken, IdentityToken>;

/// As registry.put has them (control-plane facts 3.16), except that a token is used and not dropped. What fits nothing
/// is anonymous.
Credentials credentials_of(const wire::RegistryCredential& credential);

struct Challenge {
  std::string scheme;                             ///< lower case: "bearer", "basic"
  std::map<std::string, std::string> parameters;  ///< names in lower case
};
/// The challenges of one header, in its order. What cannot be read ends the list.
std::vector<Challenge> parse_challenges(std::string_view header);

/// "Basic ...".
std::string basic_authorization(const BasicCredentials& credentials);

/// The `token` or `access_token` of an authorisation server's answer.
Result<std::string> decode_token_answer(std::string_view json);

}  // namespace weft::registry
