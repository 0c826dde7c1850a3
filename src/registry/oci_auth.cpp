// SPDX-License-Identifier: Apache-2.0
#include "registry/oci_auth.hpp"

#include <algorithm>

#include "wire/base64.hpp"
#include "wire/json.hpp"

namespace weft::registry {
namespace {

constexpr std::size_t kMaxChallenges = 8;
constexpr std::size_t kMaxParameters = 16;

char to_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

bool is_token_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("!#$%&'*+-.^_`|~").contains(c);
}

/// Reads a header from its front.
class HeaderCursor {
 public:
  explicit HeaderCursor(std::string_view text) : rest_(text) {}

  void skip(std::string_view any) { rest_.remove_prefix(std::min(rest_.find_first_not_of(any), rest_.size())); }
  [[nodiscard]] bool at_end() const { return rest_.empty(); }
  bool accept(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  /// In lower case; empty: there is none.
  std::string name() {
    std::string out;
    for (; !rest_.empty() && is_token_char(rest_.front()); rest_.remove_prefix(1)) out += to_lower(rest_.front());
    return out;
  }
  /// A token or a quoted text; nothing when a quote is not closed.
  std::optional<std::string> value() {
    std::string out;
    if (!accept('"')) {
      for (; !rest_.empty() && rest_.front() != ',' && rest_.front() != ' '; rest_.remove_prefix(1))
        out += rest_.front();
      return out;
    }
    while (!rest_.empty() && rest_.front() != '"') {
      if (rest_.front() == '\\') rest_.remove_prefix(1);
      if (rest_.empty()) return std::nullopt;
      out += rest_.front();
      rest_.remove_prefix(1);
    }
    return accept('"') ? std::optional(out) : std::nullopt;
  }
  /// Whether a parameter and not another scheme comes.
  [[nodiscard]] bool is_parameter_next() const {
    const auto end = std::ranges::find_if_not(rest_, is_token_char);
    return end != rest_.begin() && end != rest_.end() && *end == '=';
  }

 private:
  std::string_view rest_;
};

}  // namespace

Credentials credentials_of(const wire::RegistryCredential& credential) {
  if (credential.username && credential.password) return BasicCredentials{*credential.username, *credential.password};
  if (credential.token && !credential.username && !credential.password) return BearerToken{*credential.token};
  return Anonymous{};
}

std::vector<Challenge> parse_challenges(std::string_view header) {
  std::vector<Challenge> challenges;
  HeaderCursor cursor(header);
  while (challenges.size() < kMaxChallenges) {
    cursor.skip(" \t,");
    Challenge challenge;
    challenge.scheme = cursor.name();
    if (challenge.scheme.empty()) break;
    cursor.skip(" \t");
    while (cursor.is_parameter_next() && challenge.parameters.size() < kMaxParameters) {
      const auto name = cursor.name();
      cursor.accept('=');
      const auto value = cursor.value();
      if (!value) return challenges;
      challenge.parameters.emplace(name, *value);
      cursor.skip(" \t,");
    }
    challenges.push_back(std::move(challenge));
  }
  return challenges;
}

std::string basic_authorization(const BasicCredentials& credentials) {
  return "Basic " + wire::to_base64(credentials.user + ":" + credentials.password, wire::Base64::standard);
}

Result<std::string> decode_token_answer(std::string_view json) {
  constexpr std::string_view what = "answer of the authorisation server";
  WEFT_TRY(const auto object, wire::parse_json_object(json, what));
  std::optional<std::string> token;
  std::optional<std::string> access_token;
  wire::MemberReader members(object);
  members.defaulted("token", token).defaulted("access_token", access_token);
  if (!members.fault().empty()) return wire::malformed_json(what, members.fault());
  auto found = token && !token->empty() ? *token : access_token.value_or("");
  // It becomes a header.
  const auto is_printable = [](char c) { return c > ' ' && c < 0x7f; };
  if (found.empty() || !std::ranges::all_of(found, is_printable)) return wire::malformed_json(what, "has no token");
  return found;
}

}  // namespace weft::registry
